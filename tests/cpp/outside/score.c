/* Scores one grey frame of 64x64 against one that is ten code values brighter. */

#include <framegauge.h>

#include <stdio.h>
#include <string.h>

static framegauge_frame grey(const char* role, unsigned char* pixels, int value) {
    framegauge_frame frame = {0};
    memset(pixels, value, 64 * 64 * 3);
    frame.struct_size = sizeof frame;
    frame.role = role;
    frame.format = "rgb24";
    frame.width = frame.height = 64;
    frame.planes[0] = pixels;
    return frame;
}

int main(int count, char** words) {
    static unsigned char dark[64 * 64 * 3], bright[64 * 64 * 3];
    const framegauge_frame reference = grey("reference", dark, 100);
    const framegauge_frame distorted = grey("distorted", bright, 110);
    const framegauge_frame* frames[] = {&reference, &distorted};
    framegauge_model_options options = {0};
    framegauge_model_info info = {0};
    framegauge_output output = {0};
    framegauge_model* model = NULL;
    framegauge_scorer* scorer = NULL;
    double values[8];
    framegauge_status status;

    options.struct_size = sizeof options;
    options.path = count > 1 ? words[1] : NULL;
    info.struct_size = sizeof info;
    output.struct_size = sizeof output;
    if ((status = framegauge_model_open(&options, &model)) != FRAMEGAUGE_OK ||
        (status = framegauge_scorer_create(model, &scorer)) != FRAMEGAUGE_OK) {
        fprintf(stderr, "%s\n", framegauge_last_error());
        return (int)status;
    }
    framegauge_model_get_info(model, &info);
    framegauge_model_close(model); /* the scorer keeps it */
    status = framegauge_scorer_score(scorer, frames, 2, values, info.outputs);
    if (status == FRAMEGAUGE_OK)
        printf("%.9g\n", values[0]);
    else
        fprintf(stderr, "%s\n", framegauge_scorer_error(scorer));
    framegauge_scorer_destroy(scorer);
    return (int)status;
}
