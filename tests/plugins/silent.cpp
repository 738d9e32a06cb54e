// Not a plugin.
extern "C" int drydock_plugging() { return 0; }
