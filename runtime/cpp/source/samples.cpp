#include "samples.hpp"

#include "failure.hpp"
#include "model.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace framegauge {
namespace {

// Samples may lie at odd addresses; compilers make plain loads of this.
template <class Number>
Number load(const void* samples, std::size_t index) {
    Number value;
    std::memcpy(&value, static_cast<const unsigned char*>(samples) + index * sizeof value,
                sizeof value);
    return value;
}

void check_code_values(const void* samples, std::size_t count, const std::string& role,
                       const Format& format) {
    std::uint16_t most = 0;
    for (std::size_t i = 0; i < count; ++i)
        most = std::max(most, load<std::uint16_t>(samples, i));
    if (most > format.peak())
        throw usage(role, ": ", format.name, " has code values up to ", format.peak(), ", got ",
                    most, ". Shift the samples to the low ", format.depth, " bits.");
}

void check_floats(const void* samples, std::size_t count, const std::string& role) {
    float low = std::numeric_limits<float>::infinity();
    float high = -low;
    bool is_finite = true;
    for (std::size_t i = 0; i < count; ++i) {
        const auto value = load<float>(samples, i);
        is_finite = is_finite && std::isfinite(value);
        low = std::min(low, value);
        high = std::max(high, value);
    }
    if (!is_finite)
        throw usage(role, " has values that are not finite. Scores would mean nothing.");
    if (is_frame(role) && (low < 0 || high > 1))
        throw usage(role, " has samples from ", low, " to ", high,
                    "; rgbf32 takes [0, 1]. Divide by the peak first.");
    if (role == "time" && (low <= 0 || high >= 1))
        throw usage("time lies between 0, the frame before, and 1, the frame after; got ", low, ".");
    if (role == "frame_rate" && low <= 0)
        throw usage("frame_rate is frames a second, above 0; got ", low, ".");
    if (role == "mask" && (low < 0 || high > 1))
        throw usage("mask is in [0, 1], 1 where a pixel counts; got ", low, " to ", high, ".");
    if (role == "mask" && high == 0)
        throw usage("mask is 0 everywhere: there is no pixel to judge. Leave the sample out.");
}

}  // namespace

void check_memory(const framegauge_frame& frame, const Model& model) {
    if (frame.memory == FRAMEGAUGE_CPU) {
        if (frame.stream != nullptr)
            throw usage(frame.role, ": stream is for CUDA memory, and memory is FRAMEGAUGE_CPU.");
        return;
    }
    if (frame.memory != FRAMEGAUGE_CUDA)
        throw usage(frame.role, ": memory is FRAMEGAUGE_CPU (0) or FRAMEGAUGE_CUDA (1); got ",
                    frame.memory, ".");
    if (model.provider() != FRAMEGAUGE_CUDA)
        throw usage(frame.role, " lies in CUDA memory, and ", model.file(),
                    " was opened on the CPU. Open it with the provider FRAMEGAUGE_CUDA, or copy "
                    "the frame to the host.");
    if (frame.device != model.device())
        throw usage(frame.role, " lies on GPU ", frame.device, ", and ", model.file(),
                    " runs on GPU ", model.device(), ".");
    if (frame.stream != nullptr && frame.stream != model.cuda_stream())
        throw usage(frame.role, ": stream is not the cuda_stream that ", model.file(),
                    " was opened with. Open it with that stream, or synchronise and leave it NULL.");
}

// A gigabyte from one row to the next is no picture.
constexpr std::ptrdiff_t most_stride = std::ptrdiff_t{1} << 30;

void check_planes(const framegauge_frame& frame, std::uint32_t first, const Layout& layout,
                  Size size) {
    const auto row_bytes = static_cast<std::ptrdiff_t>(layout.row_bytes(size));
    for (std::uint32_t i = first; i < first + layout.stacked; ++i) {
        if (frame.planes[i] == nullptr)
            throw usage(frame.role, ": plane ", i, " is NULL.");
        const std::ptrdiff_t stride = frame.strides[i];
        // Never to be negated: of the least number that is no number.
        if (stride < -most_stride || stride > most_stride ||
            (stride != 0 && stride > -row_bytes && stride < row_bytes))
            throw usage(frame.role, ": a row of plane ", i, " at ", size.width, "x", size.height,
                        " is ", row_bytes, " bytes, and its stride ", stride,
                        ". Strides are bytes from a row to the next, up to ", most_stride, ".");
    }
}

void check_values(const void* samples, std::size_t bytes, const std::string& role,
                  const Layout& layout, const Format& format) {
    if (layout.bytes == sizeof(float)) check_floats(samples, bytes / sizeof(float), role);
    // The low bits of p010le are padding, so every word is one of its samples.
    if (layout.bytes == 2 && format.shift == 0)
        check_code_values(samples, bytes / 2, role, format);
}

}  // namespace framegauge
