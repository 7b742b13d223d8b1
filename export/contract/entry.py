"""How a metric is asked for: its name, its options, and the label of what comes of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from framegauge.export.contract.plain_numbers import real_number, whole_number
from framegauge.export.contract.spec import Spec, Value

LABEL = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = re.compile(
    r"samples|scenes|baseline|min|max|mean|harmonic_mean|median|stdev|p\d+(\.\d+)?"
)
_ENTRY = re.compile(
    r"(?:(?P<label>[^\[\]=]*)=)?(?P<name>[^\[\]=]+)(?:\[(?P<options>[^\[\]]*)\])?", re.VERBOSE
)


@dataclass(frozen=True, kw_only=True)
class Option:
    """One keyword of a metric, as its signature declares it."""

    name: str
    type: Literal["float", "int", "bool", "str"]
    default: Value
    choices: tuple[Value, ...] = ()

    def read(self, text: str, *, of: str) -> Value:
        """The value that ``text`` stands for.

        Raises:
            ValueError: The text is not of the option's type, not finite, or not among its choices.
        """
        value: Value
        try:
            match self.type:
                case "float":
                    value = real_number(text)
                case "int":
                    value = whole_number(text)
                case "bool":
                    value = {"true": True, "false": False}[text.lower()]
                case "str":
                    value = text
        except (ValueError, KeyError):
            wanted = "true or false" if self.type == "bool" else f"a value of type {self.type}"
            raise ValueError(
                f"Option {self.name} of {of} takes {wanted}, got {text!r}. "
                f"Its default is {self.default}."
            ) from None
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(
                f"Option {self.name} of {of} takes a finite number, got {text!r}. "
                f"Its default is {self.default}."
            )
        if self.choices and value not in self.choices:
            allowed = ", ".join(str(choice) for choice in self.choices)
            raise ValueError(
                f"Option {self.name} of {of} takes one of {allowed}; got {text!r}. Choose one."
            )
        return value


@dataclass(frozen=True)
class Entry:
    """A metric as it was asked for: ``name``, ``name[option=value;...]`` or ``label=name[...]``."""

    name: str
    options: tuple[tuple[str, str], ...] = ()
    label: str | None = None

    def __str__(self) -> str:
        """The entry as it is written, without its label."""
        options = ";".join(f"{name}={value}" for name, value in self.options)
        return f"{self.name}[{options}]" if options else self.name


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What the catalogue says of one entry: enough to check a request without its graph."""

    spec: Spec
    options: tuple[Option, ...] = ()

    def read(self, entry: Entry) -> dict[str, Value]:
        """The options that ``entry`` sets to something else than their defaults, typed.

        Raises:
            ValueError: An option is unknown, given twice, or has a value it cannot take.
        """
        known = {option.name: option for option in self.options}
        values: dict[str, Value] = {}
        for name, text in entry.options:
            if name not in known:
                listed = ", ".join(known) or "none"
                raise ValueError(
                    f"{self.spec.name} has no option {name!r}{nearest(name, known)} "
                    f"Its options: {listed}."
                )
            if name in values:
                raise ValueError(f"Option {name} of {self.spec.name} is given twice. Keep one.")
            values[name] = known[name].read(text, of=self.spec.name)
        return {name: value for name, value in values.items() if value != known[name].default}

    def label(self, entry: Entry) -> str:
        """The name of the entry's output: as given, or made of its name and its options."""
        if entry.label is not None:
            return entry.label
        parts = [self.spec.name]
        for name, value in self.read(entry).items():
            parts += [name, re.sub(r"[^a-z0-9]+", "_", str(value).lower()).strip("_")]
        return "_".join(parts)

    def labels(self, entry: Entry) -> list[str]:
        """The names of its outputs: its own, and one for each term that the metric has."""
        label = self.label(entry)
        return [label, *(f"{label}.{term}" for term in self.spec.terms)]


def check_name(name: str, what: str) -> None:
    """Refuse a name that has a meaning of its own in a gate: a pool's, or what is pooled over.

    Args:
        name: What something is to be called.
        what: What that is, for the message.

    Raises:
        ValueError: It is reserved.
    """
    if _RESERVED.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot be {what}: gates read samples, scenes, baseline and the names of "
            f"pools (mean, p5, ...) as words of their own. Choose another, such as {name}_1."
        )


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown word: the closest of the known ones, or a stop.

    Example:
        >>> nearest("MS-SSIM", ["ssim", "ms_ssim"])
        "; did you mean 'ms_ssim'?"
        >>> nearest("LPIPS", ["flolpips", "lpips_alex", "lpips_vgg"])
        "; did you mean 'lpips_alex' or 'lpips_vgg'?"
    """
    plain, names = re.sub(r"[^a-z0-9.%]+", "_", word.lower()), list(known)
    close = [] if plain in names else [name for name in names if name.startswith(f"{plain}_")][:3]
    close = close or get_close_matches(plain, names, n=1, cutoff=0.5)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else "."


def find_listing(entry: Entry, listings: Sequence[Listing]) -> Listing:
    """The listing of the metric that ``entry`` names, by its name or an alias.

    Raises:
        ValueError: No metric has that name.
    """
    names = {
        name: listing for listing in listings for name in (listing.spec.name, *listing.spec.aliases)
    }
    if entry.name not in names:
        plain = entry.name.lower()
        if plain.startswith("vmaf") and not any(name.startswith("vmaf") for name in names):
            raise ValueError(
                f"There is no VMAF here, and so no {entry.name!r}: libvmaf computes it, and "
                "`report` and `gate` read the JSON that it writes. Its psnr_y, psnr_cb, psnr_cr, "
                "float_ssim and float_ms_ssim are here, by the same names."
            )
        raise ValueError(
            f"There is no metric called {entry.name!r}{nearest(entry.name, names)} "
            "`framegauge list` shows all of them."
        )
    return names[entry.name]


def parse_entries(text: str | Sequence[str]) -> list[Entry]:
    """Entries from ``"psnr,census[patch=5;scale=255],mine=ssim"``, or from a list of such.

    Raises:
        ValueError: The text does not follow the grammar, or a label is reserved or has a form
            that no file or report could hold.

    Example:
        >>> parse_entries("psnr,mine=census[patch=5]")[1]
        Entry(name='census', options=(('patch', '5'),), label='mine')
    """
    joined = text if isinstance(text, str) else ",".join(text)
    entries = []
    for word in re.split(r",(?![^\[]*\])", joined):
        match = _ENTRY.fullmatch(word.strip())
        if match is None or not match["name"].strip():
            raise ValueError(
                f"{word.strip()!r} is not an entry. Write name, name[option=value;option=value] "
                "or label=name[...], with commas between entries."
            )
        name = match["name"].strip()
        label = None if match["label"] is None else match["label"].strip()
        if label is not None and LABEL.fullmatch(label) is None:
            raise ValueError(
                f"{label!r} cannot be a label: labels are lower-case letters, digits and "
                "underscores, and start with a letter."
            )
        if label is not None:
            check_name(label, "a label")
        options = []
        for pair in (match["options"] or "").split(";"):
            option, equals, value = (part.strip() for part in pair.partition("="))
            if equals and option and value:
                options.append((option, value))
            elif pair.strip():
                raise ValueError(f"{pair!r} in {word.strip()!r} is not option=value.")
        entries.append(Entry(name, tuple(options), label))
    return entries
