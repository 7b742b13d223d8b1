/* framegauge.h: score frames with a framegauge model, from C.
 *
 *     framegauge_model* model = NULL;
 *     framegauge_model_options options = {0};
 *     options.struct_size = sizeof options;
 *     options.path = "psnr.onnx";
 *     if (framegauge_model_open(&options, &model) != FRAMEGAUGE_OK)
 *         puts(framegauge_last_error());
 *
 * then framegauge_scorer_create, framegauge_scorer_score for every pair of frames, and
 * framegauge_scorer_destroy, framegauge_model_close. framegauge.hpp is the same for C++.
 *
 * Every struct begins with struct_size, which the caller sets to sizeof the struct, before reading
 * calls too. Fields that are not set are zero, and zero is the default of each. A later release
 * adds fields at the end only: a smaller struct of an older caller is taken as if the rest were
 * zero, and a larger one of a newer caller is refused unless the rest is zero.
 *
 * Text is UTF-8 and ends in zero. Text that a call hands out belongs to the handle it came from.
 *
 * No call throws. Calls that can fail return a framegauge_status; its numbers are the exit codes
 * of the command line.
 */
#ifndef FRAMEGAUGE_H
#define FRAMEGAUGE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define FRAMEGAUGE_API __attribute__((visibility("default")))
#else
#define FRAMEGAUGE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Grows when a caller compiled against an older header could no longer use the library. */
#define FRAMEGAUGE_ABI_VERSION 2

typedef enum framegauge_status {
    FRAMEGAUGE_OK = 0,
    FRAMEGAUGE_FAILED = 1,     /* files or frames allow no score: damaged, cut off, a failed self-test */
    FRAMEGAUGE_USAGE = 2,      /* the request makes no sense: ask otherwise */
    FRAMEGAUGE_UNAVAILABLE = 4 /* the provider asked for is not available here */
} framegauge_status;

enum { FRAMEGAUGE_CPU = 0, FRAMEGAUGE_CUDA = 1 };             /* provider, memory */
enum { FRAMEGAUGE_SCORE = 0, FRAMEGAUGE_MOMENT = 1 };         /* kind of an output */
enum { FRAMEGAUGE_LOWER = 0, FRAMEGAUGE_HIGHER = 1 };         /* which way is better */
enum {                                                        /* matrix of planes */
    FRAMEGAUGE_MATRIX_ASSUMED = 0,                            /* bt709 from 720 lines up, else bt601 */
    FRAMEGAUGE_BT601 = 1,
    FRAMEGAUGE_BT709 = 2,
    FRAMEGAUGE_BT2020 = 3
};
enum {                                                        /* range of planes */
    FRAMEGAUGE_RANGE_ASSUMED = 0,                             /* limited, of grey full */
    FRAMEGAUGE_LIMITED = 1,
    FRAMEGAUGE_FULL = 2
};
enum {                                                        /* where chroma of 4:2:0 lies, */
    FRAMEGAUGE_SITING_ASSUMED = 0,                            /* by the names of H.273, figure 10 */
    FRAMEGAUGE_SITING_LEFT = 1,                               /* what is assumed */
    FRAMEGAUGE_SITING_CENTRE = 2,
    FRAMEGAUGE_SITING_TOPLEFT = 3,
    FRAMEGAUGE_SITING_TOP = 4,
    FRAMEGAUGE_SITING_BOTTOMLEFT = 5,
    FRAMEGAUGE_SITING_BOTTOM = 6
};
/* What becomes of a frame whose neighbours would lie beyond the clip's ends: it has no score and is
 * left out; the first frame stands for the one before it, and the last but one for the one after the
 * last; its score is 0. */
enum { FRAMEGAUGE_ENDS_NOT_JUDGED = 0, FRAMEGAUGE_ENDS_REPEAT = 1, FRAMEGAUGE_ENDS_ZERO = 2 };
/* What makes a clip's score of the means of its moments: the mean itself; its square root; the first
 * divided by the second; min(cap, 10 log10(peak^2 / mean)). */
enum {
    FRAMEGAUGE_FINISH_MEAN = 0,
    FRAMEGAUGE_FINISH_ROOT = 1,
    FRAMEGAUGE_FINISH_RATIO = 2,
    FRAMEGAUGE_FINISH_PSNR = 3
};
enum { FRAMEGAUGE_PLANES = 4, FRAMEGAUGE_MOMENTS = 2, FRAMEGAUGE_MOST_THREADS = 1024 };

/* ---- the library ------------------------------------------------------------------------- */

/* FRAMEGAUGE_ABI_VERSION of the library that runs, to be compared with the header's. */
FRAMEGAUGE_API uint32_t framegauge_abi_version(void);

/* Version of the library, such as "0.1.0". */
FRAMEGAUGE_API const char* framegauge_version(void);

/* CPUs that this process may use: the smaller of affinity and control group quota. */
FRAMEGAUGE_API int32_t framegauge_usable_cpus(void);

/* Why this thread's last call that took no scorer failed; "" if it did not. Valid until the thread's
 * next such call. What a scorer's calls fail of is framegauge_scorer_error. */
FRAMEGAUGE_API const char* framegauge_last_error(void);

/* ---- a model: session and weights, shared and never changed ------------------------------ */

typedef struct framegauge_model framegauge_model;

struct OrtEnv;            /* ONNX Runtime's, for hosts that use it themselves */
struct OrtSessionOptions;

/* What ONNX Runtime has to say; severity is its own, 0 (verbose) to 4 (fatal). May be called from
 * several threads at once, and must not throw. */
typedef void (*framegauge_log)(void* user, int32_t severity, const char* category, const char* text);

typedef struct framegauge_model_options {
    size_t struct_size;
    const char* path;       /* model file; with bytes, its name in messages */
    const void* bytes;      /* the file in memory; may go after the call */
    size_t byte_count;
    int32_t provider;       /* FRAMEGAUGE_CPU or FRAMEGAUGE_CUDA: had, or the call fails */
    int32_t device;         /* which GPU */
    int32_t threads;        /* on the CPU, up to FRAMEGAUGE_MOST_THREADS; 0: framegauge_usable_cpus() */
    int32_t skip_self_test; /* not 0: do not prove the model on its own test frames */

    /* The six below are for a host with an ONNX Runtime of its own: the same library, or these
     * stay zero. It has one environment a process, made by whoever asks first. A host that wants
     * one with a log or pools of its own makes it before its first model, and hands it in. Else the
     * model makes one (errors to stderr, no pools), and as long as a model or scorer lives, ONNX
     * Runtime ignores in silence what is asked of a later one. A model keeps the environment alive;
     * log and log_user must outlive the model and its scorers. Session options are copied; name no
     * provider in them. With options and threads 0, their thread count stands, and whether their
     * threads spin; with threads, an entry of theirs for spinning does.
     *
     * Without env, the first model sets ORT_DISABLE_TELEMETRY=1 (setenv) if the variable has no value,
     * for ONNX Runtime's packages from 1.29 on send telemetry. setenv must not run beside a getenv of
     * another thread: set the variable before there are threads, or open the first model by then. A
     * host that makes the environment decides for itself. */
    struct OrtEnv* env;
    const struct OrtSessionOptions* session_options;
    int32_t use_global_threads; /* not 0: run on the thread pools that env was made with */
    int32_t log_severity;       /* least that is said, 1 to 4; 0 for 3, errors, or without log 4 */
    framegauge_log log;         /* NULL: ONNX Runtime writes where the environment does */
    void* log_user;
    void* cuda_stream;          /* a cudaStream_t to run on; NULL for one of its own */
} framegauge_model_options;

/* Load a model and prove it on its own test frames. Takes milliseconds to seconds. Its bytes are
 * read once, and are found to be those that were written before ONNX Runtime gets them.
 *
 * On the CPU a call computes in the caller's thread and in threads - 1 of the model's, which all
 * its scorers share, and which sleep while they wait. Many cores are used best by a scorer a thread
 * and few threads for each: cores - scorers + 1 for scorers of one model, cores / scorers where each
 * has a model of its own.
 *
 * USAGE: no model of ours, or of another release; options that do not go together or with env.
 * UNAVAILABLE: no such provider. FAILED: missing, damaged, or it fails its self-test. */
FRAMEGAUGE_API framegauge_status framegauge_model_open(const framegauge_model_options* options,
                                                       framegauge_model** model);

/* Let go of a model. Scorers made of it stay usable. NULL is allowed. */
FRAMEGAUGE_API void framegauge_model_close(framegauge_model* model);

typedef struct framegauge_model_info {
    size_t struct_size;
    const char* format;          /* pixel format of its frames, by FFmpeg's name (and rgbf32) */
    const char* precision;       /* "fp32" or "fp16" */
    const char* runtime_version; /* ONNX Runtime's */
    int32_t depth;               /* bits of a sample, 32 for float */
    int32_t quantise;            /* bits the distorted frame is rounded to first; 0 if it is not */
    int32_t crop_border;         /* pixels cut from every side first */
    int32_t needs_colour;        /* it reads RGB from planes: matrix and range of frames count */
    int32_t provider;
    int32_t threads;             /* 0 if the host's session options or pools decide */
    uint32_t least;              /* smallest height and width of a frame, in pixels */
    uint32_t planes;             /* of one frame in memory */
    size_t roles;                /* frames, flows, masks, ... it takes for one sample */
    size_t outputs;              /* numbers it gives for one sample */
    size_t aggregates;           /* scores of a whole clip beyond the pooled ones */
    int32_t needs_siting;        /* the same of subsampled chroma: chroma_siting of frames counts */
    int32_t matrix;              /* what all frames have to be, since it is part of the model: */
    int32_t range;               /*     those that say or are assumed to be another are refused; */
    int32_t chroma_siting;       /*     0 where it is not */
} framegauge_model_info;

typedef struct framegauge_output {
    size_t struct_size;
    const char* label; /* its name in every report */
    const char* entry; /* the catalogue entry it belongs to, as it was asked for */
    const char* unit;  /* "1" if none */
    int32_t kind;      /* FRAMEGAUGE_SCORE, for people, or FRAMEGAUGE_MOMENT, what totals are made of */
    int32_t better;    /* FRAMEGAUGE_HIGHER or FRAMEGAUGE_LOWER */
    double ideal;      /* of a frame against itself, NaN where that depends on the frame */
    double low;        /* least possible */
    double high;       /* greatest possible, infinity if there is no bound */
    double tolerance;  /* absolute difference that does not matter, in the unit */
    double relative;   /* the same as a fraction of the value; both are allowed together */
    uint32_t least;    /* smallest height and width of a frame, in pixels */
    int32_t masked;    /* it looks at frames only where the mask counts */
    size_t roles;      /* that it looks at: framegauge_model_get_output_role names them */
    const char* transfer; /* the light its frames have to be in: "sdr", "pq", "hlg"; "any" if it takes
                             code values whatever light they stand for */
    int32_t ends;      /* FRAMEGAUGE_ENDS_... */
} framegauge_output;

/* A clip's score, which framegauge_aggregate_finish makes of the sums of its moments. */
typedef struct framegauge_aggregate {
    size_t struct_size;
    const char* label;
    int32_t finish;                     /* FRAMEGAUGE_FINISH_... */
    size_t moment_count;                /* moments that it is made of */
    size_t moments[FRAMEGAUGE_MOMENTS]; /* indices of their outputs */
    double peak;                        /* of FRAMEGAUGE_FINISH_PSNR; else NaN */
    double cap;
} framegauge_aggregate;

/* One plane of a frame in memory. */
typedef struct framegauge_plane {
    size_t struct_size;
    size_t rows;
    size_t row_bytes; /* without padding */
} framegauge_plane;

/* What a model says of itself. USAGE: no such index, struct or plane. Any thread, any time. */
FRAMEGAUGE_API framegauge_status framegauge_model_get_info(const framegauge_model* model,
                                                           framegauge_model_info* info);
FRAMEGAUGE_API framegauge_status framegauge_model_get_output(const framegauge_model* model,
                                                             size_t index,
                                                             framegauge_output* output);
FRAMEGAUGE_API framegauge_status framegauge_model_get_aggregate(const framegauge_model* model,
                                                                size_t index,
                                                                framegauge_aggregate* aggregate);
/* Name of a role: "reference", "distorted", ...; NULL if there is no such index.
 *
 * reference_previous, reference_next, distorted_previous, distorted_next and these with _2 are frames
 * of those videos, one or two before or after the one that is judged, whichever frames of a video are
 * judged: each with the matrix, range and siting of its own video. previous and next are what an
 * interpolated frame was made from. flow... are flows, and mask, time, frame_rate (frames a second of
 * the reference), logits... and merged... what their names say. */
FRAMEGAUGE_API const char* framegauge_model_get_role(const framegauge_model* model, size_t index);
/* The same of the roles that an output looks at. */
FRAMEGAUGE_API const char* framegauge_model_get_output_role(const framegauge_model* model,
                                                            size_t output, size_t index);
/* How large a plane of a frame of width x height pixels is. */
FRAMEGAUGE_API framegauge_status framegauge_model_get_plane(const framegauge_model* model,
                                                            size_t index, uint32_t width,
                                                            uint32_t height,
                                                            framegauge_plane* plane);

/* A clip's score from its moments: for each of the aggregate's, in its order, their sum over the clip,
 * from the first frame to the last, one addition after another in double. Of parts of a clip the
 * numbers of frames add up, and the sums as well, but for the last digit. NaN without frames, or where
 * a mean or the score is not finite. USAGE: no such index, or NULL. Any thread, any time. */
FRAMEGAUGE_API framegauge_status framegauge_aggregate_finish(const framegauge_model* model,
                                                             size_t index, const double* sums,
                                                             size_t frames, double* score);

/* ---- a scorer: buffers, one for each thread ---------------------------------------------- */

typedef struct framegauge_scorer framegauge_scorer;

/* A frame, flow, mask, time, rate or logits, borrowed until the call that takes it returns.
 *
 * Planes of frames: rgb24 one of R G B bytes; gray8 one; yuv formats three, or two where Cb and Cr
 * lie side by side (nv12, p010le); rgbf32 three of floats in [0, 1], R G B. Samples of more than 8
 * bits are 16-bit words, low byte first. Chroma of odd sizes is rounded up.
 *
 * Roles that are no frames are float planes: flows two (x, y, in pixels), masks one (1 counts; in
 * [0, 1], and not 0 everywhere), merged frames three; time (between 0 and 1), frame_rate (above 0) and
 * logits are one float of a plane of 1x1, and their width and height are not looked at. */
typedef struct framegauge_frame {
    size_t struct_size;
    const char* role;   /* "reference", "distorted", or what else framegauge_model_get_role names */
    const char* format; /* checked against the model's; NULL if the caller knows it is right */
    uint32_t width;     /* pixels */
    uint32_t height;
    const void* planes[FRAMEGAUGE_PLANES];
    ptrdiff_t strides[FRAMEGAUGE_PLANES]; /* bytes from a row to the next, also negative; 0: no padding */
    int32_t memory;     /* FRAMEGAUGE_CPU, or FRAMEGAUGE_CUDA for a model that runs there */
    int32_t device;     /* which GPU */
    void* stream;       /* CUDA: the stream that writes the frame, which must be the model's
                           cuda_stream; NULL if the frame is ready */
    int32_t matrix;     /* what the code values of planes mean, where the model needs_colour */
    int32_t range;
    int32_t chroma_siting; /* where subsampled chroma lies, where the model needs_siting */
} framegauge_frame;

/* Make a scorer. It keeps the model alive. */
FRAMEGAUGE_API framegauge_status framegauge_scorer_create(const framegauge_model* model,
                                                          framegauge_scorer** scorer);
/* NULL is allowed. */
FRAMEGAUGE_API void framegauge_scorer_destroy(framegauge_scorer* scorer);

/* Why the scorer's last call failed; "" if it did not. Valid until its next call. */
FRAMEGAUGE_API const char* framegauge_scorer_error(const framegauge_scorer* scorer);

/* Score samples. Blocks until the values are in host memory.
 *
 * frames: for each sample one for each of the model's roles, in any order, sample after sample.
 * values: for each sample one for each output, in the model's order.
 * frame_count is samples x roles, value_count samples x outputs. All samples have one size; each
 * frame has its own matrix, range and siting. A small batch of small frames is faster than one by one.
 *
 * USAGE: a role, size, format, stride, memory, colour or sample value that the model does not take;
 * values stay untouched. FAILED: ONNX Runtime could not run. */
FRAMEGAUGE_API framegauge_status framegauge_scorer_score(framegauge_scorer* scorer,
                                                         const framegauge_frame* const* frames,
                                                         size_t frame_count, double* values,
                                                         size_t value_count);

#ifdef __cplusplus
}
#endif

#endif
