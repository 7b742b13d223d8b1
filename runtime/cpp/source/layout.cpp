#include "layout.hpp"

#include "failure.hpp"

#include <algorithm>

namespace framegauge {
namespace {

std::size_t length(Side side, std::uint32_t full) {
    switch (side) {
        case Side::full:
            return full;
        case Side::half:
            return (std::size_t{full} + 1) / 2;
        case Side::one:
            break;
    }
    return 1;
}

Layout plane(std::string_view part, Side height, Side width, std::uint32_t channels,
             std::uint32_t bytes) {
    Layout layout;
    layout.part = part;
    layout.height = height;
    layout.width = width;
    layout.channels = channels;
    layout.bytes = bytes;
    layout.dims = {height == Side::half ? "ceil(H/2)" : "H", width == Side::half ? "ceil(W/2)" : "W"};
    if (channels > 1) layout.dims.push_back(std::to_string(channels));
    // TensorRT takes no 16-bit input: words go in as pairs of bytes.
    if (bytes == 2) layout.dims.push_back("2");
    return layout;
}

Format planar(std::string_view name, Side height, Side width, int depth) {
    const std::uint32_t bytes = depth > 8 ? 2 : 1;
    return {name,
            true,
            depth,
            0,
            {plane("y", Side::full, Side::full, 1, bytes), plane("u", height, width, 1, bytes),
             plane("v", height, width, 1, bytes)}};
}

Format semi_planar(std::string_view name, int depth, int shift) {
    const std::uint32_t bytes = depth > 8 ? 2 : 1;
    return {name,
            true,
            depth,
            shift,
            {plane("y", Side::full, Side::full, 1, bytes),
             plane("uv", Side::half, Side::half, 2, bytes)}};
}

Layout floats(std::uint32_t stacked, std::vector<std::string> dims) {
    Layout layout;
    layout.stacked = stacked;
    layout.bytes = sizeof(float);
    layout.dims = std::move(dims);
    return layout;
}

bool begins(const std::string& text, std::string_view start) {
    return text.compare(0, start.size(), start) == 0;
}

}  // namespace

std::size_t Layout::rows(Size size) const { return length(height, size.height); }

std::size_t Layout::row_bytes(Size size) const {
    return length(width, size.width) * channels * bytes;
}

std::vector<std::int64_t> Layout::shape(std::size_t batch, Size size) const {
    std::vector<std::int64_t> lengths{static_cast<std::int64_t>(batch)};
    for (const std::string& dim : dims) {
        const bool is_down = dim == "H" || dim == "ceil(H/2)";
        const bool is_across = dim == "W" || dim == "ceil(W/2)";
        lengths.push_back(is_down     ? static_cast<std::int64_t>(length(height, size.height))
                          : is_across ? static_cast<std::int64_t>(length(width, size.width))
                                      : std::stoll(dim));
    }
    return lengths;
}

std::uint32_t Format::planes() const {
    std::uint32_t count = 0;
    for (const Layout& input : inputs) count += input.stacked;
    return count;
}

const std::vector<Format>& formats() {
    constexpr Side full = Side::full;
    constexpr Side half = Side::half;
    static const std::vector<Format> all = {
        {"rgb24", false, 8, 0, {plane("", full, full, 3, 1)}},
        {"rgbf32", false, 32, 0, {floats(3, {"3", "H", "W"})}},
        {"gray8", false, 8, 0, {plane("y", full, full, 1, 1)}},
        {"gray10le", false, 10, 0, {plane("y", full, full, 1, 2)}},
        {"gray12le", false, 12, 0, {plane("y", full, full, 1, 2)}},
        {"gray14le", false, 14, 0, {plane("y", full, full, 1, 2)}},
        {"gray16le", false, 16, 0, {plane("y", full, full, 1, 2)}},
        planar("yuv420p", half, half, 8),
        planar("yuv422p", full, half, 8),
        planar("yuv444p", full, full, 8),
        planar("yuv420p10le", half, half, 10),
        planar("yuv422p10le", full, half, 10),
        planar("yuv444p10le", full, full, 10),
        planar("yuv420p12le", half, half, 12),
        planar("yuv422p12le", full, half, 12),
        planar("yuv444p12le", full, full, 12),
        planar("yuv420p16le", half, half, 16),
        planar("yuv422p16le", full, half, 16),
        planar("yuv444p16le", full, full, 16),
        semi_planar("nv12", 8, 0),
        semi_planar("p010le", 10, 6),
    };
    return all;
}

const Format* find_format(std::string_view name) {
    const auto& all = formats();
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const Format& each) { return each.name == name; });
    return found == all.end() ? nullptr : &*found;
}

const std::vector<FrameRole>& frame_roles() {
    // Those of a video's own sequence are called by whose they are; previous and next are what an
    // interpolated frame was made from.
    static const std::vector<FrameRole> all = {
        {"reference", false, 0},
        {"distorted", true, 0},
        {"previous", false, -1},
        {"next", false, 1},
        {"reference_previous", false, -1},
        {"reference_next", false, 1},
        {"reference_previous_2", false, -2},
        {"reference_next_2", false, 2},
        {"distorted_previous", true, -1},
        {"distorted_next", true, 1},
        {"distorted_previous_2", true, -2},
        {"distorted_next_2", true, 2},
    };
    return all;
}

const FrameRole* find_frame_role(std::string_view role) {
    const auto& all = frame_roles();
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const FrameRole& each) { return each.name == role; });
    return found == all.end() ? nullptr : &*found;
}

Layout tensor_layout(const std::string& role) {
    if (role == "mask") return floats(1, {"1", "H", "W"});
    const bool is_single = role == "time" || role == "frame_rate";
    if (is_single || begins(role, "logits")) {
        Layout layout =
            floats(1, is_single ? std::vector<std::string>{} : std::vector<std::string>{"1"});
        layout.height = layout.width = Side::one;
        return layout;
    }
    if (begins(role, "flow")) return floats(2, {"2", "H", "W"});
    if (begins(role, "merged")) return floats(3, {"3", "H", "W"});
    throw usage("No input has the role ", role, ". Roles: ",
                listed(frame_roles(), [](const FrameRole& each) { return std::string(each.name); }),
                ", flow..., logits..., merged..., mask, time, frame_rate.");
}

}  // namespace framegauge
