"""Decides what a reply may not bring along: links, addresses, images, HTML and characters that nobody sees."""

import html
import re
import unicodedata
from urllib.parse import unquote

STRIPPED_ADDRESS = "（外链已略）"

# What is longer is no tag, no destination and no word. These bound what is kept back.
_LONGEST_TAG = 300
_LONGEST_DESTINATION = 600
_LONGEST_RUN = 2048

# Controls, zero-width and direction marks, fillers, variation selectors, tag characters and lone surrogates: they
# reorder or split what is shown, and can carry a text that no reader sees.
_INVISIBLE = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# What an address may be spelled with, Markdown's marks and full-width, circled and mathematical letters included.
_RUN = (
    r"A-Za-z0-9.,/\\:;@%?&=+#~$'*`_\-\u24b6-\u24e9\uff0d\uff0e\uff0f\uff10-\uff19\uff20-\uff3a\uff3c\uff3f\uff41-\uff5a"
    r"\U0001d400-\U0001d7ff"
)
_INVISIBLES = re.compile(f"[{_INVISIBLE}]")
_PLAIN = re.compile(f"[^{_INVISIBLE}{_RUN}<!\\]]+")
_A_RUN = re.compile(f"[{_RUN}]{{1,{_LONGEST_RUN}}}")
# What would become an address or a link together with what stands behind a tag that is dropped.
_JOINING = re.compile(f"[{_RUN}!\\]]")
_OPEN_TAG = re.compile(f"<(?:[A-Za-z/!?][^<>\\n]{{0,{_LONGEST_TAG}}})?")
_OPEN_DESTINATION = re.compile(f"\\([^)\\n]{{0,{_LONGEST_DESTINATION}}}")
_MARKS_AROUND = "*_~`#,.:;'-"
_IDEOGRAPH = re.compile(r"[\u3400-\u9fff]")

_SCHEMES = "https?|ftps?|wss?|file|data|blob|mailto|tel|sms|weixin|alipays?|intent|view-source"
_DOMAINS = (
    "com|net|org|cn|io|ai|app|dev|xyz|top|vip|info|biz|cc|tv|me|co|site|online|shop|club|wang|link|tech|store|cloud"
    "|pro|icu|ltd|edu|gov|hk|tw|jp|kr|uk|ru|de|fr|eu|ly|gl|example|invalid|onion"
)
_ADDRESS = re.compile(
    rf"://|(?:javascript|vbscript):|(?<![a-z])(?:{_SCHEMES}):.|(?<![a-z0-9])www\d?\.|xn--"
    rf"|//[a-z0-9-]+\.[a-z]|localhost[:/]|\d\.\d{{1,3}}\.\d{{1,3}}\.\d{{1,3}}[:/]"
    rf"|[a-z0-9-]\.(?:{_DOMAINS})(?![a-z0-9-])|[a-z0-9-]\.[a-z]{{2,}}[/?:][a-z0-9]"
    r"|^\.(?:com|net|org|cn)(?![a-z0-9-])"
)
_HAS_ADDRESS_SIGN = re.compile(r"[.:/&%\uff0e\uff0f]|xn--")
_SPLITTING_MARKS = re.compile(r"[\\*_~`]")


class Stripper:
    """Passes a reply on without what it may not bring along, as it is written.

    Markdown stays, but no link, image, reference definition, autolink or HTML can come of the output: it has no ``<``,
    and never ``](``, ``]:`` or ``![``. An address is replaced, whatever its host: the only links of a reply are its
    citation numbers. Kept back is only what the next characters decide: a word of Latin letters, ``!``, ``]``, a tag, a
    link's destination. The output does not depend on how the text is cut into deltas; time is linear.
    """

    def __init__(self) -> None:
        self._rest = ""
        self._last = ""
        self._in_address = False

    def feed(self, delta: str) -> str:
        """Take the next piece of text and return what may be shown."""
        if not self._rest and _PLAIN.fullmatch(delta):
            self._last, self._in_address = delta[-1], False
            return delta
        return self._pass(self._rest + _INVISIBLES.sub("", delta), ended=False)

    def finish(self) -> str:
        """Return what was kept back of a text that has ended."""
        return self._pass(self._rest, ended=True)

    def _pass(self, text: str, *, ended: bool) -> str:
        self._rest = ""
        shown: list[str] = []
        position = 0
        while position < len(text):
            piece, position = self._next(text, position, ended)
            if piece:
                shown.append(piece)
                self._last = piece[-1]
        return "".join(shown)

    def _next(self, text: str, position: int, ended: bool) -> tuple[str, int]:
        """Return what is shown of the next token, and where it ends; what cannot be judged yet becomes the rest."""
        if run := _A_RUN.match(text, position):
            return self._run(text, run.group(), run.end(), ended)
        self._in_address = False
        match text[position]:
            case "<":
                return self._angle(text, position, ended)
            case "]":
                return self._bracket(text, position, ended)
            case "!":
                if position + 1 == len(text) and not ended:
                    return self._keep("!", text)
                return ("！" if text[position + 1 : position + 2] == "[" else "!"), position + 1
            case _:
                plain = _PLAIN.match(text, position)
                assert plain is not None
                return plain.group(), plain.end()

    def _run(self, text: str, run: str, end: int, ended: bool) -> tuple[str, int]:
        """Judge a word as a whole; one that is too long to be one is judged in parts, set apart."""
        is_whole = len(run) < _LONGEST_RUN
        if is_whole and end == len(text) and not ended:
            return self._keep(run, text)
        if self._in_address:
            self._in_address = not is_whole
            return "", end
        # Full-width letters may stand before a full-width colon, which is no part of a word.
        if is_address(f":{run}" if self._last == "：" else run):
            self._in_address = not is_whole
            return _without_address(run), end
        return (run if is_whole else f"{run} "), end

    def _angle(self, text: str, position: int, ended: bool) -> tuple[str, int]:
        """Drop a tag or autolink; any other ``<`` becomes full-width. What a tag kept apart stays apart."""
        opened = _OPEN_TAG.match(text, position)
        assert opened is not None
        end = opened.end()
        if end == len(text) and not ended:
            return self._keep(opened.group(), text)
        if text[end : end + 1] != ">" or len(opened.group()) == 1:
            return "＜", position + 1
        return (" " if _JOINING.fullmatch(self._last) else ""), end + 1

    def _bracket(self, text: str, position: int, ended: bool) -> tuple[str, int]:
        """Take the destinations from behind a link's text; what is none is set apart from it."""
        position += 1
        while True:
            if position == len(text) and not ended:
                return self._keep("]", text)
            if text[position : position + 1] == ":":
                return "]：", position + 1
            opened = _OPEN_DESTINATION.match(text, position)
            if opened is None:
                return "]", position
            end = opened.end()
            if end == len(text) and not ended:
                return self._keep(f"]{opened.group()}", text)
            if text[end : end + 1] != ")" or _is_prose(opened.group()):
                return "] ", position
            position = end + 1

    def _keep(self, rest: str, text: str) -> tuple[str, int]:
        self._rest = rest
        return "", len(text)


def is_address(run: str) -> bool:
    """Tell whether a word is or holds an address, also behind entities, escapes, marks and other letter forms."""
    if not _HAS_ADDRESS_SIGN.search(run):
        return False
    plain = unicodedata.normalize("NFKC", unquote(html.unescape(run)))
    return _ADDRESS.search(_SPLITTING_MARKS.sub("", plain).lower()) is not None


def _without_address(run: str) -> str:
    """Replace the word, but leave the marks around it: they may close what was opened before."""
    begun, ended = run.lstrip(_MARKS_AROUND), run.rstrip(_MARKS_AROUND)
    return f"{run[: len(run) - len(begun)]}{STRIPPED_ADDRESS}{run[len(ended) :]}"


def _is_prose(destination: str) -> bool:
    """Tell a remark in brackets from the destination of a link."""
    if "/" in destination or not _IDEOGRAPH.search(destination):
        return False
    return not any(is_address(run) for run in _A_RUN.findall(destination))
