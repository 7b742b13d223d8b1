// Any bytes are a model file that knows itself, or are refused.

#include "failure.hpp"
#include "model_bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t count) {
    try {
        framegauge::read_model({reinterpret_cast<const char*>(bytes), count}, "fuzz");
    } catch (const framegauge::Failure& failure) {
        if (failure.status != FRAMEGAUGE_USAGE && failure.status != FRAMEGAUGE_FAILED)
            __builtin_trap();
    }
    return 0;
}
