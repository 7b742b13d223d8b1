#include "pool.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

double mean_of(const std::vector<double>& scores) {
    const double sum = std::accumulate(scores.begin(), scores.end(), 0.0);
    return sum / static_cast<double>(scores.size());
}

double percentile(const std::vector<double>& sorted, double p) {
    const double at = p * static_cast<double>(sorted.size() - 1) / 100;
    const auto below = static_cast<std::size_t>(at);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

double harmonic_mean(const std::vector<double>& scores) {
    double sum = 0;
    for (const double score : scores) {
        if (score < -1) return none;
        sum += 1 / (1 + score);
    }
    return static_cast<double>(scores.size()) / sum - 1;
}

double deviation(const std::vector<double>& scores, double mean) {
    double sum = 0;
    for (const double score : scores) sum += (score - mean) * (score - mean);
    return std::sqrt(sum / static_cast<double>(scores.size()));
}

}  // namespace

std::vector<std::pair<const char*, double>> pooled(std::vector<double> scores) {
    if (scores.empty() || !std::all_of(scores.begin(), scores.end(),
                                       [](double score) { return std::isfinite(score); }))
        scores.clear();
    const bool is_empty = scores.empty();
    std::sort(scores.begin(), scores.end());
    const double mean = is_empty ? none : mean_of(scores);
    const auto at = [&](double p) { return is_empty ? none : percentile(scores, p); };
    return {
        {"min", at(0)},
        {"max", at(100)},
        {"mean", mean},
        {"harmonic_mean", is_empty ? none : harmonic_mean(scores)},
        {"median", at(50)},
        {"stdev", is_empty ? none : deviation(scores, mean)},
        {"p1", at(1)},
        {"p5", at(5)},
        {"p10", at(10)},
        {"p90", at(90)},
        {"p95", at(95)},
        {"p99", at(99)},
    };
}
