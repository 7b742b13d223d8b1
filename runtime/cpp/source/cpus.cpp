#include "cpus.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#endif

namespace framegauge {
namespace {

namespace fs = std::filesystem;

int allowed_cpus() {
#if defined(__linux__)
    // The kernel refuses a set smaller than its own, so larger ones are tried.
    for (int most = 1024; most <= 1 << 20; most *= 4) {
        cpu_set_t* set = CPU_ALLOC(static_cast<std::size_t>(most));
        if (set == nullptr) break;
        const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(most));
        const int count = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
        CPU_FREE(set);
        if (count > 0) return count;
    }
#endif
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// CPUs that the files of one group allow, none if they set no limit.
std::optional<double> quota(const fs::path& folder) {
    std::string most;
    double period = 0;
    if (std::ifstream file{folder / "cpu.max"}) {
        file >> most >> period;
    } else {
        std::ifstream{folder / "cpu.cfs_quota_us"} >> most;
        std::ifstream{folder / "cpu.cfs_period_us"} >> period;
    }
    if (most.empty() || most == "max" || most == "-1" || period <= 0) return std::nullopt;
    try {
        return std::stod(most) / period;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

bool names_cpu(const std::string& controllers) {
    return ("," + controllers + ",").find(",cpu,") != std::string::npos;
}

// Every folder that may limit this process: its groups and all that hold them.
std::vector<fs::path> folders(const fs::path& cgroups, const fs::path& own) {
    std::vector<fs::path> all{cgroups, cgroups / "cpu", cgroups / "cpu,cpuacct"};
    std::ifstream lines{own / "cgroup"};
    for (std::string line; std::getline(lines, line);) {
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        if (!controllers.empty() && !names_cpu(controllers)) continue;
        fs::path folder = controllers.empty() ? cgroups : cgroups / controllers;
        all.push_back(folder);
        for (const fs::path& part : fs::path(line.substr(second + 1)).relative_path())
            all.push_back(folder /= part);
    }
    return all;
}

}  // namespace

int usable_cpus(const fs::path& cgroups, const fs::path& own) {
    int cpus = allowed_cpus();
    for (const fs::path& folder : folders(cgroups, own))
        if (const auto limit = quota(folder); limit && *limit < cpus)
            cpus = static_cast<int>(std::ceil(*limit));
    return std::max(1, cpus);
}

}  // namespace framegauge
