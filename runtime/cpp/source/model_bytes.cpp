#include "model_bytes.hpp"

#include "failure.hpp"
#include "sha256.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace framegauge {
namespace {

constexpr std::string_view manifest_key = "framegauge";
// The SHA-256 of the whole file, its own 64 digits taken as zeros.
constexpr std::string_view digest_key = "framegauge.sha256";

// Fields of ONNX's ModelProto and StringStringEntryProto, by their numbers in onnx.proto.
constexpr std::uint64_t metadata_field = 14;
constexpr std::uint64_t key_field = 1;
constexpr std::uint64_t value_field = 2;

// Of ONNX's messages, those through which tensors are reached; the field of each that does is in
// the table below.
enum class Message { model, graph, function, node, attribute, sparse_tensor, tensor };

struct Way {
    Message from;
    std::uint64_t field;
    Message to;
};

constexpr Way ways[] = {
    {Message::model, 7, Message::graph},
    {Message::model, 25, Message::function},
    {Message::graph, 1, Message::node},
    {Message::graph, 5, Message::tensor},
    {Message::graph, 15, Message::sparse_tensor},
    {Message::function, 7, Message::node},
    {Message::function, 11, Message::attribute},
    {Message::node, 5, Message::attribute},
    {Message::attribute, 5, Message::tensor},
    {Message::attribute, 6, Message::graph},
    {Message::attribute, 10, Message::tensor},
    {Message::attribute, 11, Message::graph},
    {Message::attribute, 22, Message::sparse_tensor},
    {Message::attribute, 23, Message::sparse_tensor},
    {Message::sparse_tensor, 1, Message::tensor},
    {Message::sparse_tensor, 2, Message::tensor},
};
// Of a tensor: where its values lie, if not in the file.
constexpr std::uint64_t outside_field = 13;

struct NoMessage {};

// The counted fields of a protocol-buffer message, one after the other; others are passed over.
// Throws NoMessage where it is none, or is cut short.
class Fields {
  public:
    explicit Fields(std::string_view message) : rest_(message) {}

    struct Field {
        std::uint64_t number;
        std::string_view bytes;
    };

    // None at the end.
    std::optional<Field> next() {
        while (!rest_.empty()) {
            const std::uint64_t tag = varint();
            switch (tag & 7) {
                case 0:  // a number of any length
                    varint();
                    break;
                case 1:
                    taken(8);
                    break;
                case 2:
                    return Field{tag >> 3, taken(varint())};
                case 5:
                    taken(4);
                    break;
                default:
                    throw NoMessage{};
            }
        }
        return std::nullopt;
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

using Entries = std::map<std::string_view, std::string_view>;

// The metadata entries; their text lies in the file's bytes.
Entries entries_of(std::string_view content, const std::string& file) {
    Entries entries;
    Fields model(content);
    while (const auto field = model.next()) {
        if (field->number != metadata_field) continue;
        std::string_view key;
        std::string_view value;
        Fields entry(field->bytes);
        while (const auto part = entry.next()) {
            if (part->number == key_field) key = part->bytes;
            if (part->number == value_field) value = part->bytes;
        }
        if (!entries.emplace(key, value).second)
            throw usage(file, " has the metadata entry \"", key,
                        "\" twice. Export the model again.");
    }
    return entries;
}

// The digest would say nothing of weights in a file beside it.
void check_whole(std::string_view content, const std::string& file) {
    std::vector<std::pair<Message, std::string_view>> ahead{{Message::model, content}};
    while (!ahead.empty()) {
        const auto [kind, bytes] = ahead.back();
        ahead.pop_back();
        Fields message(bytes);
        while (const auto field = message.next()) {
            if (kind == Message::tensor && field->number == outside_field)
                throw usage(file, " keeps weights in a file beside it, which could change unseen. "
                            "Save it with all its weights inside, as `framegauge export` does.");
            for (const Way& way : ways)
                if (way.from == kind && way.field == field->number)
                    ahead.emplace_back(way.to, field->bytes);
        }
    }
}

void check_digest(std::string_view content, std::string_view digits, const std::string& file) {
    const std::string blank(64, '0');
    Sha256 digest;
    if (digits.size() == blank.size()) {
        const auto at = static_cast<std::size_t>(digits.data() - content.data());
        digest.add(content.substr(0, at));
        digest.add(blank);
        digest.add(content.substr(at + digits.size()));
    }
    if (digits != digest.hex())
        throw failed(file, " is damaged or was changed: its bytes are not those that it was written "
                    "with. Export the model again, or copy it again from where it came.");
}

}  // namespace

Manifest read_model(std::string_view content, const std::string& file) {
    Entries entries;
    try {
        check_whole(content, file);
        entries = entries_of(content, file);
    } catch (const NoMessage&) {
        throw failed(file, " is not an ONNX file, or is cut short. Make one with `framegauge "
                    "export`.");
    }
    const auto text = entries.find(manifest_key);
    const auto digits = entries.find(digest_key);
    if (digits != entries.end()) check_digest(content, digits->second, file);
    if (text == entries.end())
        throw usage(file, " is not a framegauge model: it has no \"", manifest_key, "\" entry in "
                    "its metadata. Make one with `framegauge export`.");
    Manifest manifest = read_manifest(std::string(text->second), file);
    if (digits == entries.end())
        throw usage(file, " has no \"", digest_key, "\" entry in its metadata, by which it would "
                    "be known to be whole. Export the model again.");
    return manifest;
}

}  // namespace framegauge
