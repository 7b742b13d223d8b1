// A model, loaded and proven: shared between threads and never changed.

#pragma once

#include "manifest.hpp"
#include "session.hpp"

namespace framegauge {

// What the samples of frames mean, frame after frame, as an input of that part takes it.
Tensor facts_tensor(const std::vector<float>& values, Part part);

class Model {
  public:
    // Throws a failure of the status that framegauge_model_open documents.
    explicit Model(const framegauge_model_options& options);

    const Manifest& manifest() const { return manifest_; }
    const std::string& file() const { return session_->file(); }
    int threads() const { return session_->threads(); }
    int provider() const { return provider_; }
    int device() const { return device_; }
    const void* cuda_stream() const { return cuda_stream_; }

    // The outputs that are numbers, in the manifest's order; inputs in the same. Any thread.
    std::vector<std::vector<double>> run(const std::vector<Tensor>& inputs,
                                         std::size_t batch) const;

  private:
    void check_names() const;
    void prove() const;

    int provider_, device_;
    const void* cuda_stream_;
    std::unique_ptr<Session> session_;
    Manifest manifest_;
    std::vector<const char*> input_names_, output_names_;  // the manifest's
};

}  // namespace framegauge
