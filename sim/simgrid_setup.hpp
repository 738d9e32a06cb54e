// How each SimGrid engine of ours is made, and how one reads a platform file.
#pragma once

#include <filesystem>
#include <memory>
#include <simgrid/s4u.hpp>
#include <vector>

namespace drydock::sim {

// One per process for good.
[[nodiscard]] std::unique_ptr<simgrid::s4u::Engine> make_engine();

// Has the engine read the file, and gives its hosts in the order of the file. Throws std::runtime_error, with the file's path and the
// line if it is known, where it is no platform, or one that is refused; but where it finds some mistakes SimGrid ends the process.
[[nodiscard]] std::vector<simgrid::s4u::Host*> load_platform(const simgrid::s4u::Engine& engine,
                                                             const std::filesystem::path& file);

}  // namespace drydock::sim
