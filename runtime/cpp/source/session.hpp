// A model file in ONNX Runtime: loaded on the provider asked for, and run.

#pragma once

#include "ort.hpp"

#include <framegauge.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace framegauge {

// Samples of one input, borrowed.
struct Tensor {
    const void* data;
    std::size_t bytes;
    std::vector<std::int64_t> shape;
    bool is_float;  // else bytes
    bool is_on_gpu = false;
};

class Session {
  public:
    // Throws a failure of the status that framegauge_model_open documents.
    Session(std::string_view content, const std::string& file,
            const framegauge_model_options& options);

    // Outputs by name, `batch` numbers each, for inputs by name. Any thread. Throws a failure if it
    // cannot run, or an output has another shape or type.
    std::vector<std::vector<double>> run(const std::vector<const char*>& input_names,
                                         const std::vector<Tensor>& inputs,
                                         const std::vector<const char*>& output_names,
                                         std::size_t batch) const;

    const std::string& file() const { return file_; }
    int threads() const { return threads_; }
    std::vector<std::string> inputs() const;
    std::vector<std::string> outputs() const;

  private:
    struct Log {
        framegauge_log call;
        void* user;
    };
    static void ORT_API_CALL pass_on(void* log, OrtLoggingLevel severity, const char* category,
                                     const char* id, const char* place, const char* text);

    // What opening it with these options fails of; empty if it is open.
    std::string open(std::string_view content, const framegauge_model_options& options);
    OrtSessionOptions* configure(const framegauge_model_options& options);
    void use_cuda(OrtSessionOptions* configured, const framegauge_model_options& options) const;

    std::string file_;
    int device_;
    int threads_ = 0;
    std::unique_ptr<Log> log_;
    std::unique_ptr<OrtEnv, Releaser<&OrtApi::ReleaseEnv>> env_;  // a process's one, counted
    std::unique_ptr<OrtSession, Releaser<&OrtApi::ReleaseSession>> session_;
};

}  // namespace framegauge
