// The courses of faults, which are the same in every world (scenarios/faults/), by the names that are used here.
#pragma once

#include "scenarios/faults/crashes.hpp"
#include "scenarios/faults/hazards.hpp"
#include "scenarios/faults/host_troubles.hpp"
#include "scenarios/faults/links.hpp"
#include "scenarios/faults/scheduler_faults.hpp"
#include "scenarios/faults/store_faults.hpp"

namespace drydock::sim {

using scenarios::Course;
using scenarios::Crashes;
using scenarios::Hazards;
using scenarios::HostTroubles;
using scenarios::Links;
using scenarios::SchedulerFaults;
using scenarios::StoreFaults;
using scenarios::Way;

}  // namespace drydock::sim
