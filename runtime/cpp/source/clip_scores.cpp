#include "clip_scores.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace framegauge {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

double psnr(double mean, double peak, double cap) {
    if (mean < 0) return none;
    return mean == 0 ? cap : std::min(cap, 10 * std::log10(peak * peak / mean));
}

}  // namespace

double sum_of(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
}

double clip_score(const Aggregate& aggregate, const std::vector<double>& sums,
                  std::size_t frames) {
    if (frames == 0) return none;
    std::vector<double> means;
    for (const double sum : sums) means.push_back(sum / static_cast<double>(frames));
    if (!std::all_of(means.begin(), means.end(), [](double mean) { return std::isfinite(mean); }))
        return none;
    const double first = means.at(0);
    double score = first;  // of mean
    if (aggregate.finish == "root") score = first >= 0 ? std::sqrt(first) : none;
    if (aggregate.finish == "ratio") score = means.at(1) != 0 ? first / means[1] : none;
    if (aggregate.finish == "psnr") score = psnr(first, *aggregate.peak, *aggregate.cap);
    return std::isfinite(score) ? score : none;
}

}  // namespace framegauge
