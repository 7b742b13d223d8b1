// ONNX Runtime's C interface: its functions, what they hand out, and what goes wrong in them.

#pragma once

#include <onnxruntime_c_api.h>

#include <string>

namespace framegauge {

// ONNX Runtime's functions. Throws an unavailable failure if the library is older than 1.17.
const OrtApi& ort();

template <auto Release>
struct Releaser {
    template <class Object>
    void operator()(Object* object) const noexcept {
        (ort().*Release)(object);
    }
};

// The first line of what went wrong without its full stops, empty if nothing did.
std::string problem(OrtStatus* status);

// Throws a failure if something went wrong.
void check(OrtStatus* status);

}  // namespace framegauge
