#include "ort.hpp"

#include "failure.hpp"

#include <algorithm>
#include <memory>

namespace framegauge {
namespace {

// 1.17 was the first in which a session can have a log of its own.
constexpr std::uint32_t oldest_api = 17;

}  // namespace

const OrtApi& ort() {
    static const OrtApi* const api = OrtGetApiBase()->GetApi(oldest_api);
    if (api == nullptr)
        throw Failure(FRAMEGAUGE_UNAVAILABLE,
                      text("framegauge needs ONNX Runtime 1.", oldest_api, " or newer, and has ",
                           OrtGetApiBase()->GetVersionString(), "."));
    return *api;
}

std::string problem(OrtStatus* status) {
    const std::unique_ptr<OrtStatus, Releaser<&OrtApi::ReleaseStatus>> held(status);
    if (!held) return "";
    std::string message = ort().GetErrorMessage(held.get());
    message.resize(std::min(message.find('\n'), message.size()));
    while (!message.empty() && message.back() == '.') message.pop_back();
    return message.empty() ? "no reason given" : message;
}

void check(OrtStatus* status) {
    if (const std::string why = problem(status); !why.empty())
        throw failed("ONNX Runtime: ", why, ".");
}

}  // namespace framegauge
