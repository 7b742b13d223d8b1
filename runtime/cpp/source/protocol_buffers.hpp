// The fields of protocol-buffer messages, which ONNX files are, read without a library.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace framegauge {

// Bytes that are no protocol-buffer message, or are cut short.
struct NoMessage {};

// The fields of a message, one after the other, each with its bytes but for their count.
class Fields {
  public:
    explicit Fields(std::string_view message) : rest_(message) {}

    struct Field {
        std::uint64_t number;
        std::string_view bytes;
    };

    // None at the end. Throws NoMessage.
    std::optional<Field> next() {
        if (rest_.empty()) return std::nullopt;
        const std::uint64_t tag = varint();
        const std::string_view before = rest_;
        switch (tag & 7) {
            case 0:
                varint();
                return Field{tag >> 3, before.substr(0, before.size() - rest_.size())};
            case 1:
                return Field{tag >> 3, taken(8)};
            case 2:
                return Field{tag >> 3, taken(varint())};
            case 5:
                return Field{tag >> 3, taken(4)};
            default:
                throw NoMessage{};
        }
    }

    // The message as numbers packed one after the other: the next, none at the end.
    std::optional<std::int64_t> next_number() {
        if (rest_.empty()) return std::nullopt;
        return static_cast<std::int64_t>(varint());
    }

  private:
    std::string_view taken(std::uint64_t count) {
        if (count > rest_.size()) throw NoMessage{};
        const auto bytes = rest_.substr(0, static_cast<std::size_t>(count));
        rest_.remove_prefix(bytes.size());
        return bytes;
    }

    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            const auto byte = static_cast<unsigned char>(taken(1)[0]);
            value |= std::uint64_t{byte & 0x7Fu} << shift;
            if (byte < 0x80) return value;
        }
        throw NoMessage{};
    }

    std::string_view rest_;
};

}  // namespace framegauge
