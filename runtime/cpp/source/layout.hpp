// How the inputs of a model lie in memory: pixel formats, and inputs that are no frames.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace framegauge {

struct Size {
    std::uint32_t width;
    std::uint32_t height;
};

inline bool operator==(Size left, Size right) {
    return left.width == right.width && left.height == right.height;
}

enum class Side { full, half, one };  // of the frame's, half rounded up; one is 1 whatever it is

// One input of a model: `stacked` planes of memory, each of rows of `channels` samples side by side.
struct Layout {
    std::string_view part;          // of a frame: "", "y", "u", "v" or "uv"
    std::vector<std::string> dims;  // after the batch, as manifests write them
    Side height = Side::full;
    Side width = Side::full;
    std::uint32_t channels = 1;
    std::uint32_t bytes = 1;  // of a sample
    std::uint32_t stacked = 1;

    std::size_t rows(Size size) const;
    std::size_t row_bytes(Size size) const;
    // Of all planes of one sample.
    std::size_t total_bytes(Size size) const { return stacked * rows(size) * row_bytes(size); }
    std::vector<std::int64_t> shape(std::size_t batch, Size size) const;
};

struct Format {
    std::string_view name;  // FFmpeg's, and rgbf32
    bool yuv;               // with chroma
    int depth;              // bits of a sample, 32 for float
    int shift;              // bits below a sample in its word (p010le keeps it on top)
    std::vector<Layout> inputs;

    std::uint32_t planes() const;  // of one frame in memory
    int peak() const { return (1 << depth) - 1; }
};

const std::vector<Format>& formats();
// Null if no model takes it.
const Format* find_format(std::string_view name);

inline constexpr std::array<std::string_view, 4> frame_roles = {"reference", "distorted",
                                                                "previous", "next"};
bool is_frame(std::string_view role);

// Of a flow, mask, time, logits or merged frame. Throws a usage failure for any other role.
Layout tensor_layout(const std::string& role);

}  // namespace framegauge
