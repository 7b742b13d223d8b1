// How many CPUs this process may really use, for the size of thread pools.

#pragma once

#include <filesystem>

namespace framegauge {

// The smaller of the CPU affinity and the control groups' quota, at least 1; a quota of one and a
// half counts as two. The folders are where control groups are mounted, and this process in /proc.
int usable_cpus(const std::filesystem::path& cgroups = "/sys/fs/cgroup",
                const std::filesystem::path& own = "/proc/self");

}  // namespace framegauge
