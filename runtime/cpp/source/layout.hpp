// How the inputs of a model lie in memory: pixel formats, and inputs that are no frames.

#pragma once

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
    bool is_rgb() const { return inputs.front().part.empty(); }
    // Whether its chroma has fewer rows, or columns, than luma.
    bool halves_rows() const { return yuv && inputs[1].height == Side::half; }
    bool halves_columns() const { return yuv && inputs[1].width == Side::half; }
    bool is_subsampled() const { return halves_rows() || halves_columns(); }
    int peak() const { return (1 << depth) - 1; }
};

const std::vector<Format>& formats();
// Null if no model takes it.
const Format* find_format(std::string_view name);

// A role whose data are frames.
struct FrameRole {
    std::string_view name;
    bool is_distorted;  // of the distorted video; else of the reference
    int away;           // frames after the one that is judged, below 0 before
};

const std::vector<FrameRole>& frame_roles();
// Null if it is no role of frames.
const FrameRole* find_frame_role(std::string_view role);
inline bool is_frame(std::string_view role) { return find_frame_role(role) != nullptr; }

// Of a flow, mask, time, frame rate, logits or merged frame. Throws a usage failure for any other role.
Layout tensor_layout(const std::string& role);

}  // namespace framegauge
