// What a model's graph may hold, as graph_soundness.py has it: refused is what could run without end
// or fill a machine, and what lies in files beside the model.

#pragma once

#include <string>
#include <string_view>

namespace framegauge {

// Refuse an ONNX file with a usage failure; `file` is its name, for the message. Throws NoMessage of
// what is no ONNX file.
void check_graph(std::string_view content, const std::string& file);

}  // namespace framegauge
