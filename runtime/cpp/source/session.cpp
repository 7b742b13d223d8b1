#include "session.hpp"

#include "cpus.hpp"
#include "failure.hpp"

#include <algorithm>
#include <cstdlib>
#include <onnxruntime_session_options_config_keys.h>

namespace framegauge {
namespace {

using Options = std::unique_ptr<OrtSessionOptions, Releaser<&OrtApi::ReleaseSessionOptions>>;
using Value = std::unique_ptr<OrtValue, Releaser<&OrtApi::ReleaseValue>>;
using Memory = std::unique_ptr<OrtMemoryInfo, Releaser<&OrtApi::ReleaseMemoryInfo>>;
using Shape = std::unique_ptr<OrtTensorTypeAndShapeInfo,
                              Releaser<&OrtApi::ReleaseTensorTypeAndShapeInfo>>;
using CudaOptions =
    std::unique_ptr<OrtCUDAProviderOptionsV2, Releaser<&OrtApi::ReleaseCUDAProviderOptions>>;

// Text that ONNX Runtime allocated and wants back.
std::string taken(OrtAllocator* allocator, char* text) {
    const std::string copy = text;
    check(ort().AllocatorFree(allocator, text));
    return copy;
}

OrtAllocator* allocator() {
    OrtAllocator* shared = nullptr;
    check(ort().GetAllocatorWithDefaultOptions(&shared));
    return shared;
}

std::vector<double> numbers(OrtValue* value, const char* name, std::size_t batch) {
    OrtTensorTypeAndShapeInfo* made = nullptr;
    check(ort().GetTensorTypeAndShape(value, &made));
    const Shape shape(made);
    std::size_t axes = 0;
    std::size_t count = 0;
    ONNXTensorElementDataType type{};
    check(ort().GetDimensionsCount(shape.get(), &axes));
    check(ort().GetTensorShapeElementCount(shape.get(), &count));
    check(ort().GetTensorElementType(shape.get(), &type));
    void* data = nullptr;
    check(ort().GetTensorMutableData(value, &data));
    if (axes == 1 && count == batch && type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) {
        const auto* first = static_cast<const float*>(data);
        return {first, first + count};
    }
    if (axes == 1 && count == batch && type == ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE) {
        const auto* first = static_cast<const double*>(data);
        return {first, first + count};
    }
    throw failed(name, " is not one float for each of a batch of ", batch,
                 ". The file is damaged: export the model again.");
}

bool has_cuda() {
    char** names = nullptr;
    int count = 0;
    check(ort().GetAvailableProviders(&names, &count));
    const bool found = std::any_of(names, names + count, [](const char* name) {
        return std::string_view(name) == "CUDAExecutionProvider";
    });
    check(ort().ReleaseAvailableProviders(names, count));
    return found;
}

// Threads that spin while they wait hold cores that other sessions, and decoders, want.
void stop_spinning(OrtSessionOptions* configured) {
    const char* const key = kOrtSessionOptionsConfigAllowIntraOpSpinning;
    int is_chosen = 0;  // by the host
    check(ort().HasSessionConfigEntry(configured, key, &is_chosen));
    if (is_chosen == 0) check(ort().AddSessionConfigEntry(configured, key, "0"));
}

// ONNX Runtime from 1.29 on reads this variable as it makes the environment; without it, it writes
// into the user's cache and calls a host of Microsoft's. What the user has set stands.
void switch_telemetry_off() {
    // Once, for setenv must not run beside another thread's getenv.
    static const int is_set = setenv("ORT_DISABLE_TELEMETRY", "1", 0);
    static_cast<void>(is_set);
}

Failure no_cuda(const std::string& why) {
    return {FRAMEGAUGE_UNAVAILABLE,
            text("The CUDA provider is not available here: ", why,
                 ". Bring ONNX Runtime for GPUs and an NVIDIA driver, or set provider to "
                 "FRAMEGAUGE_CPU.")};
}

template <class Count, class Name>
std::vector<std::string> names(const OrtSession* session, Count count_of, Name name_of) {
    std::size_t count = 0;
    check(count_of(session, &count));
    std::vector<std::string> all;
    for (std::size_t i = 0; i < count; ++i) {
        char* name = nullptr;
        check(name_of(session, i, allocator(), &name));
        all.push_back(taken(allocator(), name));
    }
    return all;
}

}  // namespace

Session::Session(std::string_view content, const std::string& file,
                 const framegauge_model_options& options)
    : file_(file), device_(options.device) {
    if (options.log != nullptr)
        log_ = std::make_unique<Log>(Log{options.log, options.log_user});
    if (options.env == nullptr) switch_telemetry_off();
    // ONNX Runtime hands out the environment that the process has, and keeps it for all who asked.
    OrtEnv* env = nullptr;
    check(ort().CreateEnv(ORT_LOGGING_LEVEL_ERROR, "framegauge", &env));
    env_.reset(env);
    if (options.env != nullptr && options.env != env)
        throw usage("env belongs to another copy of ONNX Runtime than libframegauge's, which is ",
                    OrtGetApiBase()->GetVersionString(), ". Link both to one.");
    const std::string why = open(content, options);
    if (why.empty()) return;
    // The file is not to blame if it loads without what the host asked for.
    if (!open(content, {}).empty())
        throw failed(file_, " is not a model that ONNX Runtime can load (", why,
                     "). It may be damaged: export it again.");
    session_.reset();
    if (options.provider == FRAMEGAUGE_CUDA) throw no_cuda(why);
    throw usage("The environment, session options or threads asked for do not go together with ",
                file_, ": ", why, ".");
}

std::string Session::open(std::string_view content, const framegauge_model_options& options) {
    const Options configured(configure(options));
    OrtSession* made = nullptr;
    std::string why = problem(ort().CreateSessionFromArray(
        env_.get(), content.data(), content.size(), configured.get(), &made));
    session_.reset(made);
    return why;
}

OrtSessionOptions* Session::configure(const framegauge_model_options& options) {
    OrtSessionOptions* made = nullptr;
    if (options.session_options != nullptr)
        check(ort().CloneSessionOptions(options.session_options, &made));
    else
        check(ort().CreateSessionOptions(&made));
    Options configured(made);
    if (options.use_global_threads != 0) {
        check(ort().DisablePerSessionThreads(made));
    } else if (options.session_options == nullptr || options.threads > 0) {
        // ONNX Runtime would count the host's cores, blind to a container's quota.
        threads_ = options.threads > 0 ? options.threads : usable_cpus();
        check(ort().SetIntraOpNumThreads(made, threads_));
        check(ort().SetInterOpNumThreads(made, 1));
        stop_spinning(made);
    }
    // Without a log of the host's, what fails is thrown, and said once.
    const int usual = log_ ? ORT_LOGGING_LEVEL_ERROR : ORT_LOGGING_LEVEL_FATAL;
    if (options.session_options == nullptr || options.log_severity > 0)
        check(ort().SetSessionLogSeverityLevel(
            made, options.log_severity > 0 ? options.log_severity : usual));
    if (log_) check(ort().SetUserLoggingFunction(made, pass_on, log_.get()));
    if (options.provider == FRAMEGAUGE_CUDA) use_cuda(made, options);
    return configured.release();
}

void Session::use_cuda(OrtSessionOptions* configured,
                       const framegauge_model_options& options) const {
    if (!has_cuda()) throw no_cuda("this ONNX Runtime was built without it");
    OrtCUDAProviderOptionsV2* made = nullptr;
    if (const std::string why = problem(ort().CreateCUDAProviderOptions(&made)); !why.empty())
        throw no_cuda(why);
    const CudaOptions cuda(made);
    // TF32, which CUDA has on unless told, moves SSIM by up to 0.02; and convolutions picked by
    // racing them may differ from run to run.
    const std::string device = std::to_string(options.device);
    const char* keys[] = {"device_id", "use_tf32", "cudnn_conv_algo_search"};
    const char* values[] = {device.c_str(), "0", "HEURISTIC"};
    check(ort().UpdateCUDAProviderOptions(made, keys, values, 3));
    if (options.cuda_stream != nullptr)
        check(ort().UpdateCUDAProviderOptionsWithValue(made, "user_compute_stream",
                                                       options.cuda_stream));
    if (const std::string why =
            problem(ort().SessionOptionsAppendExecutionProvider_CUDA_V2(configured, made));
        !why.empty())
        throw no_cuda(why);
}

void ORT_API_CALL Session::pass_on(void* log, OrtLoggingLevel severity, const char* category,
                                   const char* /*id*/, const char* /*place*/, const char* text) {
    const auto* to = static_cast<const Log*>(log);
    to->call(to->user, static_cast<std::int32_t>(severity), category, text);
}

std::vector<std::vector<double>> Session::run(const std::vector<const char*>& input_names,
                                              const std::vector<Tensor>& inputs,
                                              const std::vector<const char*>& output_names,
                                              std::size_t batch) const {
    OrtMemoryInfo* made = nullptr;
    check(ort().CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &made));
    const Memory host(made);
    Memory gpu;
    if (std::any_of(inputs.begin(), inputs.end(), [](const Tensor& t) { return t.is_on_gpu; })) {
        check(ort().CreateMemoryInfo("Cuda", OrtDeviceAllocator, device_, OrtMemTypeDefault, &made));
        gpu.reset(made);
    }
    std::vector<Value> held;
    std::vector<const OrtValue*> feed;
    for (const Tensor& each : inputs) {
        OrtValue* value = nullptr;
        // Inputs are read only; the C interface has no const for them.
        check(ort().CreateTensorWithDataAsOrtValue(
            (each.is_on_gpu ? gpu : host).get(), const_cast<void*>(each.data), each.bytes,
            each.shape.data(), each.shape.size(),
            each.is_float ? ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT
                          : ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,
            &value));
        held.emplace_back(value);
        feed.push_back(value);
    }
    std::vector<OrtValue*> results(output_names.size());
    const std::string why =
        problem(ort().Run(session_.get(), nullptr, input_names.data(), feed.data(), feed.size(),
                          output_names.data(), output_names.size(), results.data()));
    std::vector<Value> scores(results.begin(), results.end());
    if (!why.empty()) throw failed(file_, " could not be run: ", why, ".");
    std::vector<std::vector<double>> values;
    for (std::size_t i = 0; i < results.size(); ++i)
        values.push_back(numbers(results[i], output_names[i], batch));
    return values;
}

std::vector<std::string> Session::inputs() const {
    return names(session_.get(), ort().SessionGetInputCount, ort().SessionGetInputName);
}

std::vector<std::string> Session::outputs() const {
    return names(session_.get(), ort().SessionGetOutputCount, ort().SessionGetOutputName);
}

}  // namespace framegauge
