"""What a manifest may say: refused here is what a damaged or hostile file would make hosts do."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence

from framegauge.export.contract.clip_scores import clip_score, finished
from framegauge.export.contract.colour_map import MATRICES, RANGES
from framegauge.export.contract.entry import check_name
from framegauge.export.contract.formats import Dim, Format, subsampling
from framegauge.export.contract.interface import Aggregate, Input, Missing, Output, SelfTest
from framegauge.export.contract.json_form import MOST_REAL
from framegauge.export.contract.roles import FACTS, FRAME_ROLES, SITINGS, input_name, tensor_dims

# Of a value or a range, what may never matter: a self-test that allows all of it proves nothing.
MOST_RELATIVE = 0.1
# Greatest code value that a peak may be, and greatest score in dB that a cap may be.
MOST_PEAK, MOST_CAP = 65535.0, 1000.0
# Two float64 computations of a clip's score from the same moments, where libraries of functions
# differ in their last digits.
CLIP_RELATIVE = 1e-12

_LABEL = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
_MOST_SIDE = 65536
# Letters of a unit.
MOST_UNIT = 32


def check_inputs(form: Format, inputs: Sequence[Input]) -> None:
    """Refuse inputs that no model of a format has.

    Raises:
        ValueError: There are none, two have one name, or one has other axes or another type.
    """
    _check_once("inputs", [each.name for each in inputs])
    for each in inputs:
        called = input_name(each.role, each.part)
        if each.name != called:
            raise ValueError(
                f"{each.name} is {called} by its role and part, and should be called so"
            )
        dims, dtype = _layout(form, each)
        if (each.dims, each.dtype) != (dims, dtype):
            raise ValueError(
                f"{each.name} is {each.dtype} {each.dims}, and should be {dtype} {dims}"
            )


def check_roles(outputs: Sequence[Output], inputs: Sequence[Input]) -> None:
    """Refuse outputs that look at what the model does not take.

    Raises:
        ValueError: There is one.
    """
    roles = {each.role for each in inputs}
    for each in outputs:
        absent = [role for role in each.inputs if role not in roles]
        if absent or not each.inputs:
            raise ValueError(
                f"{each.name} looks at {', '.join(absent) or 'nothing'}, and the model takes "
                f"{', '.join(sorted(roles))}"
            )
        if each.masked and "mask" not in each.inputs:
            raise ValueError(f"{each.name} is masked, and takes no mask")


def check_outputs(outputs: Sequence[Output]) -> None:
    """Refuse outputs with limits that nothing could keep to, or that everything would.

    Raises:
        ValueError: There is one.
    """
    _check_once("outputs", [each.name for each in outputs])
    for each in outputs:
        if (each.kind == "map") != (each.grid is not None):
            raise ValueError(
                f"{each.name} is a {each.kind}: maps have a grid, and numbers have none"
            )
        if each.better == "higher" and each.high is None:
            raise ValueError(f"{each.name} is better the higher it is, and has no greatest value")
        if not 1 <= each.least <= _MOST_SIDE:
            raise ValueError(f"{each.name} takes frames from {each.least} pixels")
        if each.tolerance < 0 or not 0 <= each.relative <= MOST_RELATIVE:
            raise ValueError(
                f"{each.name} has the tolerance {each.tolerance} + {each.relative} relative, and "
                f"should have at least 0, and up to {MOST_RELATIVE} relative"
            )
        if each.high is not None and each.tolerance > MOST_RELATIVE * (each.high - each.low):
            raise ValueError(
                f"{each.name} goes from {each.low} to {each.high}, too little for a tolerance of "
                f"{each.tolerance}"
            )


def check_aggregates(aggregates: Sequence[Aggregate], moments: Collection[str]) -> None:
    """Refuse a clip's score that nothing could make.

    Args:
        aggregates: How they are made.
        moments: Names of what they are made of.

    Raises:
        ValueError: One is of something else, or lacks or has a parameter too many; or there is a
            moment of which none is.
    """
    for each in aggregates:
        for name in each.of:
            if name not in moments:
                raise ValueError(
                    f"{each.name} is of {name!r}, which is none of the moments "
                    f"{', '.join(moments) or '(there are none)'}"
                )
        wanted = 2 if each.finish == "ratio" else 1
        if len(each.of) != wanted:
            raise ValueError(f"{each.name} is of {len(each.of)} moments, and should be of {wanted}")
        for name, value, most in (
            ("peak", each.peak, MOST_PEAK),
            ("cap", each.cap, MOST_CAP),
        ):
            if (value is None) == (each.finish == "psnr"):
                raise ValueError(f"the {name} of {each.name} is {value}: psnr has one, others none")
            if value is not None and not 0 < value <= most:
                raise ValueError(
                    f"the {name} of {each.name} is {value}, and should be above 0 and at most "
                    f"{most:g}"
                )
    for name in moments:
        if not any(name in each.of for each in aggregates):
            raise ValueError(f"{name} is a moment, and no clip's score is made of it")


def check_names(
    outputs: Sequence[Output], aggregates: Sequence[Aggregate], missing: Sequence[Missing]
) -> None:
    """Refuse names that two things have, or that no report could print.

    Raises:
        ValueError: There is one.
    """
    names = [each.name for part in (outputs, aggregates, missing) for each in part]
    _check_once("names of outputs, aggregates and what is missing", names)
    for name in names:
        if _LABEL.fullmatch(name) is None:
            raise ValueError(
                f"{name!r} is no label: those are small letters, digits and underscores, from a "
                "letter on, with dots between a label and a term"
            )
        for part in name.split("."):
            check_name(part, f"a part of the label {name}")
    for each in outputs:
        if not (each.unit.isprintable() and 1 <= len(each.unit) <= MOST_UNIT):
            raise ValueError(f"the unit of {each.name} is {each.unit!r}, and should be a word")


def check_bound_colour(
    form: Format,
    inputs: Sequence[Input],
    matrix: str | None,
    range: str | None,
    chroma_siting: str | None,
) -> None:
    """Refuse colours that are not known, or are data and part of the graph at once.

    Raises:
        ValueError: There are such.
    """
    parts = {each.part for each in inputs}
    for name, value, known, part in (
        ("matrix", matrix, MATRICES, "colour"),
        ("range", range, RANGES, "colour"),
        ("chroma_siting", chroma_siting, tuple(SITINGS), "siting"),
    ):
        if value is None:
            continue
        if form.kind == "rgb" or (part == "siting" and subsampling(form, "u") == (1, 1)):
            raise ValueError(f"{name} is {value!r}, and frames of {form.name} have none")
        if value not in known:
            raise ValueError(f"{name} is {value!r}, and should be one of {', '.join(known)}")
        if part in parts:
            raise ValueError(f"{name} is bound to {value}, and there is an input of {part} too")
    if (matrix is None) != (range is None):
        raise ValueError("matrix and range are bound together or not at all")


def check_self_test(
    test: SelfTest,
    inputs: Sequence[Input],
    outputs: Sequence[Output],
    aggregates: Sequence[Aggregate],
) -> None:
    """Refuse a self-test that leaves something unproven, or proves another model.

    Raises:
        ValueError: A run lacks an output or a frame, the colours are not what the model takes, a
            score is better than the ideal, or a clip's score is not what its moments make.
    """
    wanted = {each.name: test.batch for each in outputs if each.kind != "map"}
    for run in test.scores:
        found = {name: len(values) for name, values in run.items()}
        if found != wanted:
            raise ValueError(f"the self-test has {found} values, and should have {wanted}")
    _check_facts(test, inputs)
    for each in outputs:
        if each.kind != "map":
            _check_scale(each, [value for run in test.scores for value in run[each.name]])
    _check_clips(test, aggregates)
    scores = {each.name: each for each in outputs if each.kind == "score"}
    for kind in aggregates:
        # The score of which this is the moment: psnr_y of psnr_y.mse.
        score = scores.get(kind.of[0].rpartition(".")[0])
        if kind.finish == "psnr" and score is not None:
            _check_peak(kind, score, test)


def _check_facts(test: SelfTest, inputs: Sequence[Input]) -> None:
    """Refuse colours and sitings that are not one for each frame of the batch."""
    parts = {each.part for each in inputs}
    shapes: dict[str, list[list[int]]] = {
        "colour": [[len(row) for row in each] for each in test.colour or ()],
        "siting": [[len(each)] for each in test.siting or ()],
    }
    for part, frame in (("colour", [4, 4, 4]), ("siting", [2])):
        if shapes[part] != ([frame] * test.batch if part in parts else []):
            raise ValueError(f"the self-test's {part} is not one for each frame of its batch")


def _check_scale(output: Output, values: Sequence[float]) -> None:
    """Refuse a tolerance that would let all scores pass, and an ideal that is not the best."""
    largest = max(map(abs, values))
    if output.high is None and output.tolerance > largest + 1e-3:
        raise ValueError(
            f"{output.name} allows {output.tolerance:g}, too much for scores up to {largest:g}"
        )
    # Where a score has no bound on its better side, that of equal frames is no best.
    has_end = output.high is not None if output.better == "higher" else output.low > -MOST_REAL
    if output.ideal is None or not has_end:
        return
    best = (max if output.better == "higher" else min)(values)
    gain = best - output.ideal if output.better == "higher" else output.ideal - best
    if gain > output.allowed(output.ideal):
        raise ValueError(
            f"{output.name} is better the {output.better} it is, and {best:g} of the self-test is "
            f"better than the ideal, {output.ideal:g}"
        )


def _check_clips(test: SelfTest, aggregates: Sequence[Aggregate]) -> None:
    """Refuse clips' scores that the moments of the self-test do not make."""
    names = sorted(each.name for each in aggregates)
    for run, clips in zip(test.scores, test.clips, strict=True):
        if sorted(clips) != names:
            raise ValueError(f"the self-test has clips' scores {sorted(clips)}, not {names}")
        for each in aggregates:
            _check_clip(each, clips[each.name], clip_score(each, run))
    for each in aggregates:
        still = finished(each, [0.0] * len(each.of))
        if math.isfinite(still) != (each.name in test.still):
            raise ValueError(f"the self-test does not say what {each.name} is of moments of 0")
        if math.isfinite(still):
            _check_clip(each, test.still[each.name], still)
    if set(test.still) - set(names):
        raise ValueError(f"the self-test has scores of still clips {sorted(test.still)}")


def _check_clip(aggregate: Aggregate, wanted: float, got: float) -> None:
    if not abs(got - wanted) <= CLIP_RELATIVE * max(1.0, abs(wanted)):
        raise ValueError(
            f"{aggregate.name} of the self-test should be {wanted!r}, and its moments make {got!r}"
        )


def _check_peak(aggregate: Aggregate, score: Output, test: SelfTest) -> None:
    """Refuse a peak or cap by which the clip of one frame would have another score than it."""
    for run in test.scores:
        for moment, wanted in zip(run[aggregate.of[0]], run[score.name], strict=True):
            got = finished(aggregate, [moment])
            if not abs(got - wanted) <= score.allowed(wanted):
                raise ValueError(
                    f"{aggregate.name} of a frame of the self-test would be {got:g}, and "
                    f"{score.name}, which the graph computes, is {wanted:g}: the peak of "
                    f"{aggregate.peak} or the cap of {aggregate.cap} is another's"
                )
    if aggregate.cap is not None and score.high is not None and aggregate.cap < score.high:
        raise ValueError(
            f"the cap of {aggregate.name} is {aggregate.cap:g}, and {score.name} goes up to "
            f"{score.high:g}"
        )


def _layout(form: Format, each: Input) -> tuple[tuple[Dim, ...], str]:
    """Axes and type of an input."""
    if each.role not in FRAME_ROLES:
        if each.part:
            raise ValueError(f"{each.name} is a part of {each.role}, which has none")
        return tensor_dims(each.role), "float32"
    if each.part in FACTS:
        return FACTS[each.part], "float32"
    for plane in form.planes:
        if plane.part == each.part:
            return ("N", *plane.dims), form.dtype
    raise ValueError(f"{each.name} is a plane that {form.name} has not: {each.part!r}")


def _check_once(kind: str, names: Collection[str]) -> None:
    if not names or len(set(names)) != len(names):
        raise ValueError(f"the {kind} are {', '.join(names) or 'none'}: each should be there once")
