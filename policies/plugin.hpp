// A policy written outside of drydock: a shared object with one entry, loaded by `--plugin`. The same object serves simulation and
// production.
//
//   void mine(drydock::PluginPolicies& out) { out.placements.push_back({.info = {...}, .make = ...}); }
//   DRYDOCK_PLUGIN(mine)
//
// It is linked with drydock::policies and has what it uses of it in itself. What crosses the border are objects of the headers here, so
// both sides must have been compiled with the same ones, and alike: kPluginInterface says with which, and is compared before anything
// of the plugin is called.
#pragma once

#include "policies/built_in.hpp"
#include "policies/plugin_headers.hpp"

#include <cstdint>
#include <vector>

namespace drydock {

// An info and a factory each, as of the built-in policies. The texts of an info must last as long as the process: literals do.
struct PluginPolicies {
  std::vector<BuiltInPlacement> placements;
  std::vector<BuiltInIsolation> isolations;
};

#define DRYDOCK_TEXT_(x) #x
#define DRYDOCK_TEXT(x) DRYDOCK_TEXT_(x)
#ifdef _GLIBCXX_DEBUG
#define DRYDOCK_PLUGIN_DEBUG ", _GLIBCXX_DEBUG"
#else
#define DRYDOCK_PLUGIN_DEBUG ""
#endif
// In words for people, and equal only where two sides go together.
inline constexpr char kPluginInterface[] =
    "headers " DRYDOCK_PLUGIN_HEADERS ", C++ ABI " DRYDOCK_TEXT(__GXX_ABI_VERSION) ", strings " DRYDOCK_TEXT(
        _GLIBCXX_USE_CXX11_ABI) ", alignment " DRYDOCK_TEXT(__BIGGEST_ALIGNMENT__) DRYDOCK_PLUGIN_DEBUG;

inline constexpr std::uint32_t kPluginMagic = 0x64647031;  // of this struct

// What a plugin exports under the name drydock_plugin. Its shape never changes, so that each version can read it of any other.
struct PluginEntry {
  std::uint32_t magic = kPluginMagic;
  std::uint32_t reserved = 0;
  const char* interface = kPluginInterface;
  void (*policies)(PluginPolicies& out) = nullptr;
};

}  // namespace drydock

#define DRYDOCK_PLUGIN(policies_function)                                                        \
  extern "C" __attribute__((visibility("default"))) const ::drydock::PluginEntry drydock_plugin; \
  const ::drydock::PluginEntry drydock_plugin{.policies = (policies_function)};
