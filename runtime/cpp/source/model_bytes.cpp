#include "model_bytes.hpp"

#include "failure.hpp"
#include "graph_soundness.hpp"
#include "protocol_buffers.hpp"
#include "sha256.hpp"

#include <cstdint>
#include <map>

namespace framegauge {
namespace {

constexpr std::string_view manifest_key = "framegauge";
// The SHA-256 of the whole file, its own 64 digits taken as zeros.
constexpr std::string_view digest_key = "framegauge.sha256";

// Fields of ONNX's ModelProto and StringStringEntryProto, by their numbers in onnx.proto.
constexpr std::uint64_t metadata_field = 14;
constexpr std::uint64_t key_field = 1;
constexpr std::uint64_t value_field = 2;

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

Failure no_onnx(const std::string& file) {
    return failed(file, " is not an ONNX file, or is cut short. Make one with `framegauge export`.");
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
        entries = entries_of(content, file);
    } catch (const NoMessage&) {
        throw no_onnx(file);
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
    try {
        check_graph(content, file);
    } catch (const NoMessage&) {
        throw no_onnx(file);
    }
    return manifest;
}

}  // namespace framegauge
