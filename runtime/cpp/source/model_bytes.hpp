// The bytes of a model file: its metadata, and the digest by which it knows itself.
//
// Read without ONNX Runtime, which is handed nothing that was not found whole: the metadata of an
// ONNX file is a handful of protocol-buffer fields.

#pragma once

#include "manifest.hpp"

#include <string>
#include <string_view>

namespace framegauge {

// What a model file says about itself. Throws a failure if it is not as it was written, and a usage
// failure if it is not an ONNX file or not a model of ours, comes from another release, or has weights
// in files beside it or what no metric needs in its graph; `file` is its name, for the message.
Manifest read_model(std::string_view content, const std::string& file);

}  // namespace framegauge
