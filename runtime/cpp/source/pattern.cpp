#include "pattern.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>

namespace framegauge {
namespace {

struct Place {
    std::uint32_t n, y, x, c;
};

std::uint32_t mixed(Place at, std::uint32_t d) {
    std::uint32_t h = 73856093u * at.x ^ 19349663u * at.y ^ 83492791u * at.c ^
                      2654435761u * at.n ^ 40503u * d;
    h = (h ^ h >> 16) * 73244475u;
    return h ^ h >> 16;
}

std::uint32_t code_value(const FrameRole& role, Place at, int depth, bool has_chroma) {
    // A neighbour is its owner's pattern, moved: by 1 step before, 2 after, 3 and 4 two frames away.
    const int away = role.away;
    const auto steps = static_cast<std::uint32_t>(2 * std::abs(away) - (away < 0 ? 1 : 0));
    at.x += 3 * steps;
    at.y += steps;
    const std::uint32_t noise = mixed(at, 0);
    const std::uint32_t square = (at.y / 16 + at.x / 16 + at.n) % 4;
    const std::uint32_t kinds[] = {(3 * at.x + 5 * at.y + 64 * at.c) % 128 + noise % 128,
                                   96 + 16 * at.c, noise % 8, 240 + noise % 8};
    int value = static_cast<int>(kinds[square]);
    if (role.is_distorted) {
        const std::uint32_t error = mixed(at, 1);
        const int errors[] = {static_cast<int>(error % 16) - 7, 2, static_cast<int>(error % 4) - 1,
                              -static_cast<int>(error % 4)};
        value += errors[square];
    }
    value = std::clamp(value, 0, 255);
    if (has_chroma && at.c > 0) value = 96 + value / 4;
    const int more = depth - 8;
    const std::uint32_t low_bits = square == 0 ? (noise >> 20) & ((1u << more) - 1) : 0;
    return (static_cast<std::uint32_t>(value) << more) + low_bits;
}

float tensor_value(const std::string& role, Place at) {
    const std::uint32_t d = std::accumulate(
        role.begin(), role.end(), 0u,
        [](std::uint32_t sum, char letter) { return sum + static_cast<unsigned char>(letter); });
    const std::uint32_t h = mixed(at, d);
    if (role.compare(0, 4, "flow") == 0) return (static_cast<float>(h % 257) - 128) / 16;
    if (role.compare(0, 6, "logits") == 0) return (static_cast<float>(h % 65) - 32) / 8;
    if (role == "time") return static_cast<float>(1 + h % 7) / 8;
    if (role == "frame_rate") return static_cast<float>(24 + h % 37);
    return h % 4 > 0 ? 1.0f : 0.0f;
}

void put(unsigned char*& out, const void* value, std::size_t bytes) {
    std::memcpy(out, value, bytes);
    out += bytes;
}

}  // namespace

std::vector<unsigned char> test_bytes(const Format& format, const Input& input, std::size_t batch,
                                      Size size) {
    const Layout& layout = input.layout;
    std::vector<unsigned char> bytes(batch * layout.total_bytes(size));
    unsigned char* out = bytes.data();
    const auto rows = static_cast<std::uint32_t>(layout.rows(size));
    const auto columns = static_cast<std::uint32_t>(layout.row_bytes(size) / layout.channels /
                                                    layout.bytes);
    const FrameRole* const frame = find_frame_role(input.role);
    const std::uint32_t channels = layout.channels * layout.stacked;
    // Channels lie side by side or one plane after the other, so one of these loops counts to 1.
    for (std::uint32_t n = 0; n < batch; ++n)
        for (std::uint32_t plane = 0; plane < layout.stacked; ++plane)
            for (std::uint32_t y = 0; y < rows; ++y)
                for (std::uint32_t x = 0; x < columns; ++x)
                    for (std::uint32_t c = plane; c < channels; c += layout.stacked) {
                        const Place at{n, y, x, c + input.first_plane};
                        if (frame == nullptr) {
                            const float value = tensor_value(input.role, at);
                            put(out, &value, sizeof value);
                        } else if (layout.bytes == sizeof(float)) {
                            const double code = code_value(*frame, at, 8, false);
                            const auto value = static_cast<float>(code / 255);
                            put(out, &value, sizeof value);
                        } else {
                            const std::uint32_t code =
                                code_value(*frame, at, format.depth, format.yuv)
                                << format.shift;
                            const unsigned char pair[] = {static_cast<unsigned char>(code & 255),
                                                          static_cast<unsigned char>(code >> 8)};
                            put(out, pair, layout.bytes);
                        }
                    }
    return bytes;
}

}  // namespace framegauge
