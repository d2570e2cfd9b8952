"""Bounces that are changed at random, and what Python's email package finds in them.

A legal change leaves a message that RFC 5322 and MIME (RFC 2045 to 2047, 2231, 6532) allow, so that every reader must find
the same in it: fields in another order, folded, with comments; other encodings, boundaries, character sets, line ends; parts
within parts.  An illegal one is what broken programs make of a message.  Ids and a tag are planted, so they are known.
"""

import base64
import email
import html
import quopri
import re

ID = re.compile(rb"<([^<>\s]+@[^<>\s]+)>")
TAG = re.compile(rb'(?:"prvs=[0-9]{4}[0-9a-f]{6}=[^"]*"|prvs=[0-9]{4}[0-9a-f]{6}=[^\s<>@"]+)@[a-z0-9.-]+')


# -- what Python finds


def without_comments(value):
    """The value of a structured field: comments may nest, and hold escaped characters; quoted strings and ids hold none."""
    out, depth, i, inside = bytearray(), 0, 0, b""
    while i < len(value):
        c = value[i:i + 1]
        if c == b"\\" and (depth or inside == b'"'):
            if not depth:
                out += value[i:i + 2]
            i += 2
            continue
        if inside:
            inside = b"" if c == inside else inside
        elif c == b"(":
            depth += 1
        elif c == b")" and depth:
            depth -= 1
            i += 1
            continue
        elif c in (b'"', b"<") and not depth:
            inside = b'"' if c == b'"' else b">"
        if not depth:
            out += c
        i += 1
    return bytes(out)


def unfolded(value):
    return re.sub(rb"\r?\n(?=[ \t])", b"", value)


def header_fields(block, *names):
    """The values of the fields of these names, of a header as text."""
    values = []
    for name in names:
        values += [unfolded(v) for v in re.findall(rb"(?im)^" + name + rb":((?:.*\r?\n?)(?:[ \t].*\r?\n?)*)", block)]
    return values


def header_ids(block, *names):
    return {i for value in header_fields(block, *names) for i in ID.findall(without_comments(value))}


def encoding_of(part):
    return without_comments(str(part.get("content-transfer-encoding", "")).encode()).decode().strip().lower()


def decoded(part):
    """What a part holds; Python leaves message/* encoded."""
    if part.is_multipart():
        try:
            text = b"\n\n".join(p.as_bytes() for p in part.get_payload())
        except UnicodeError:        # Python cannot write all that it reads: 8-bit text in parts of parts
            return b""
        encoding = encoding_of(part)
        if encoding == "base64":
            text = re.sub(rb"[^A-Za-z0-9+/]", b"", text)
            return base64.b64decode(text[:len(text) - (len(text) % 4 == 1)] + b"==")
        return quopri.decodestring(text) if encoding == "quoted-printable" else text
    return part.get_payload(decode=True) or b""


def inline_ids(text):
    text = re.sub(rb"(?s)<(?![^<>\s]+@[^<>\s]+>)[^<>]*>", b"", text)
    text = html.unescape(text.decode("latin-1")).encode("latin-1", "replace")
    return set(re.findall(rb"(?im)^[ \t>|]*message-id:\s*(?:[>|]\s*)*<([^<>\s]+@[^<>\s]+)>", text))


def returned_header(part):
    """The header of the message that a part returns, as text; None: it returns none."""
    kind = part.get_content_type()
    if kind in ("message/rfc822", "message/global") and part.is_multipart() and encoding_of(part) not in ("base64", "quoted-printable"):
        return b"".join(name.encode("utf-8", "surrogateescape") + b":" + str(value).encode("utf-8", "surrogateescape") + b"\n"
                        for name, value in part.get_payload(0).raw_items())
    if kind in ("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"):
        return re.split(rb"\r?\n\r?\n", decoded(part).lstrip(b"\r\n"), maxsplit=1)[0] + b"\n"
    return None


def mime_ids(data):
    """Every id that a thorough parse knows for one that the message cites."""
    message = email.message_from_bytes(data)
    head = re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0]
    found = header_ids(head, rb"In-Reply-To", rb"Original-Message-ID", rb"X-Original-Message-ID",
                       rb"X-MS-Exchange-Parent-Message-Id")
    for part in message.walk():
        kind, returned = part.get_content_type(), returned_header(part)
        if returned is not None:
            found |= header_ids(returned, rb"Message-ID")
        elif kind in ("message/delivery-status", "message/disposition-notification"):
            found |= header_ids(decoded(part) + b"\n", rb"X-Original-Message-ID", rb"Original-Message-ID")
        elif kind in ("text/plain", "text/html") and not part.is_multipart():
            found |= inline_ids(decoded(part))
    return found


def mime_tags(data):
    """The tagged return paths of what is returned."""
    return {tag for part in email.message_from_bytes(data).walk() for value in header_fields(returned_header(part) or b"", rb"Return-Path")
            for tag in TAG.findall(without_comments(value))}


# -- a message as a tree


class Part:
    """kind: its type; fields: [(name, value)], without those of MIME; content: bytes, [Part] or a Part."""

    def __init__(self, kind, fields, content, params=()):
        self.kind, self.fields, self.content, self.params = kind, fields, content, dict(params)

    def walk(self):
        yield self
        for child in self.content if isinstance(self.content, list) else [self.content]:
            if isinstance(child, Part):
                yield from child.walk()

    def is_header(self):
        """Its content is the header of a message."""
        return self.kind in ("text/rfc822-headers", "message/global-headers")


MIME_FIELDS = ("content-type", "content-transfer-encoding", "mime-version", "content-length")


def fields_of(message):
    return [(name.encode(), unfolded(str(value).encode("utf-8", "surrogateescape")).strip())
            for name, value in message.raw_items() if name.lower() not in MIME_FIELDS and name.isascii()]


def part_of(message):
    kind, params = message.get_content_type(), {}
    for name, value in message.get_params(failobj=[])[1:]:
        if name.lower() in ("report-type", "charset", "method", "protocol", "micalg") and isinstance(value, str) and value.isascii():
            params[name.lower()] = value
    if kind.startswith("multipart/") and message.is_multipart():
        content = [part_of(p) for p in message.get_payload()]
    elif kind in ("message/rfc822", "message/global") and message.is_multipart():
        content = part_of(message.get_payload(0))
    elif kind in ("text/rfc822-headers", "message/global-headers"):
        content = Part("", fields_of(email.message_from_bytes(decoded(message).lstrip() + b"\n\n")), b"")
    else:
        content = decoded(message).replace(b"\r\n", b"\n")
    return Part(kind, fields_of(message), content, params)


def is_sound(message):
    return not any(p.defects for p in message.walk())


def parse(data):
    """The tree of a message; None: it is not one that is in order."""
    data = re.sub(rb"(?m)^X-Expect: .*\n", b"", data.replace(b"\r\n", b"\n"))
    message = email.message_from_bytes(data)
    encodings = {p.get("content-transfer-encoding", "7bit").lower() for p in message.walk() if p.get_content_maintype() == "message"}
    if b"\0" in data or b"\r" in data or not is_sound(message) or encodings - {"7bit", "8bit", "binary"}:
        return None
    return part_of(message)


# -- what is planted


ODD_IDS = [
    "{}@ours.example", "{}@ours.example", "CAJ+Kq=w-Xy_{}@mail.ours.example", "{}=3D4@ours.example", "$$.{}!#%&'*/?^`|~@ours.example",
    "{}@[192.0.2.1]", "{}.JavaMail.\"a\"@ours.example", "\"{}(b)\"@ours.example", "{}@[IPv6:2001:db8::1]", "m{}p@prvs.example",
    "AM0PR02MB4321{}F00DBABE0123456789ABCDEF0123456789@AM0PR02MB4321.eurprd02.prod.ours.example", "{}" + "x" * 150 + "@ours.example",
]
TAGS = ["prvs={}=alice@ours.example", "prvs={}=alice+b=c@ours.example", "prvs={}=o'brien/x@mail.ours.example", '"prvs={}=two words"@ours.example']


def random_id(rng):
    return rng.choice(ODD_IDS).format(f"{rng.randrange(16 ** 8):x}.{rng.randrange(1000)}").encode()


def replace_field(fields, name, value):
    fields[:] = [f for f in fields if f[0].lower() != name.lower()] + [(name, value)]


def plant(rng, top):
    """Gives the ids and the tag that the message then cites."""
    ids, tags = set(), set()

    def new():
        value = random_id(rng)
        ids.add(value)
        return b"<" + value + b">"
    top.fields[:] = [f for f in top.fields if f[0].lower() not in CITING]
    if rng.random() < 0.4:
        top.fields.append((rng.choice([b"In-Reply-To", b"X-Original-Message-ID", b"Original-Message-ID"]), new()))
    for part in list(top.walk()):
        if part.kind in ("message/rfc822", "message/global") or part.is_header():
            replace_field(part.content.fields, b"Message-ID", new())
            if rng.random() < 0.5:
                tag = rng.choice(TAGS).format(f"{rng.randrange(10000):04d}{rng.randrange(16 ** 6):06x}").encode()
                tags.add(tag)
                part.content.fields.insert(0, (b"Return-Path", b"<" + tag + b">"))
            break
    for part in list(top.walk()):
        if part.kind == "message/disposition-notification" and b"riginal-message-id" in part.content.lower():
            part.content = re.sub(rb"(?im)^(original-message-id:).*\n(?:[ \t].*\n)*", lambda m: m[1] + b" " + new() + b"\n", part.content)
            break
    if not ids or rng.random() < 0.2:
        text = next((p for p in top.walk() if p.kind == "text/plain" and isinstance(p.content, bytes)), None)
        if text:
            text.content += (b"\nThe header of your message:\n\nReceived: by mx.ours.example\nMessage-ID: " + new() + b"\nSubject: lunch\n")
    return ids, tags


# -- legal ways to write it


CHARSETS = [("utf-8", "Gr\u00fc\u00dfe, \u65e5\u672c\u8a9e"), ("iso-8859-1", "Gr\u00fc\u00dfe \u00e0 tous"), ("windows-1252", "\u201cGr\u00fc\u00dfe\u201d"),
            ("koi8-r", "\u043f\u0440\u0438\u0432\u0435\u0442"), ("iso-2022-jp", "\u65e5\u672c\u8a9e m p"), ("shift_jis", "\u8868\u793a m"),
            ("gb18030", "\u9000\u4fe1"), ("us-ascii", "plain")]
STRUCTURED = (b"message-id", b"in-reply-to", b"references", b"original-message-id", b"x-original-message-id", b"return-path")
CITING = (b"in-reply-to", b"references", b"original-message-id", b"x-original-message-id")
MIME_COMMENTS = "comments, folds in MIME's fields"      # which Python does not know
BOUNDARY = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'()+_,-./:=?"


class Writer:
    """Writes a tree.  LEGAL: names of the changes that were made are in it."""

    def __init__(self, rng):
        self.rng, self.changes = rng, set()
        self.often = rng.choice([0, 0.05, 0.3, 0.8])        # how wild it is
        self.within = False         # something that will be encoded as a whole; nothing is twice

    def maybe(self, change, chance=1.0):
        if self.rng.random() < self.often * chance:
            self.changes.add(change)
            return True
        return False

    # -- fields

    def comment(self, depth=0):
        rng = self.rng
        words = [rng.choice(["a", "was", "<no@x.example>", "\\)", "\\(", "Message-ID", "\"", "prvs=", "x@y", "=3D", ":", "text/plain;"])
                 for _ in range(rng.randint(0, 5))]
        if depth < 3 and rng.random() < 0.3:
            words.append(self.comment(depth + 1))
        return "(" + " ".join(words) + ")"

    def cfws(self, chance=1.0, where="comments"):
        out = ""
        while len(out) < (50 if where == MIME_COMMENTS else 300) and self.maybe(where, chance):
            out += self.comment() + " "
            chance /= 2
        return out

    def fold(self, value, chance=1.0):
        """Line breaks before white space; no line of white space alone comes of it."""
        out, last = b"", 0
        for m in re.finditer(rb"(?<=[^ \t])[ \t]+(?=[^ \t])", value):
            if self.maybe("folded", chance):
                out += value[last:m.start()] + b"\n" + (b"\t" if self.rng.random() < 0.3 and b'"' not in value else m[0])
                last = m.end()
        return out + value[last:]

    def name(self, name):
        if self.maybe("case of names", 0.3):
            return self.rng.choice([name.lower(), name.upper(), name.title()])
        return name

    def field(self, name, value):
        start = b" "
        if name.lower() in STRUCTURED:
            value = self.cfws().encode() + value + b" " + self.cfws().encode()
            value = value.rstrip()
        if self.maybe("blanks after the colon", 0.5):
            start = self.rng.choice([b"", b"\t", b"   ", b"\n ", b"\n\t"])
            if b"\n" in start and name.lower().startswith(b"content-"):
                self.changes.add(MIME_COMMENTS)
        return self.name(name) + b":" + start + self.fold(value) + b"\n"

    def fields(self, fields):
        fields = list(fields)
        if self.maybe("order of fields", 0.5):
            self.rng.shuffle(fields)
        if self.maybe("encoded words", 0.5):
            word = self.rng.choice([b"=?utf-8?q?Message-ID=3A_=3Cno=40x=3E?=", b"=?utf-8?b?TWVzc2FnZS1JRDogPG5vQHg+?=", b"=?iso-8859-1*de?q?Gr=FC=DFe?="])
            fields = [(n, word if n.lower() == b"subject" else v) for n, v in fields]
        if self.maybe("more fields", 0.5):
            for _ in range(self.rng.randint(1, 30)):
                fields.insert(self.rng.randint(0, len(fields)),
                              (b"X-Spam-Report", b" ".join(self.rng.choice([b"mp", b"* 0.0", b"pr=x", b"[192.0.2.1]", b"y" * 60]) for _ in range(12))))
        return b"".join(self.field(n, v) for n, v in fields)

    def parameter(self, name, value):
        if self.maybe("RFC 2231", 0.5):
            self.changes.add("RFC 2231")
            if len(value) > 3 and self.rng.random() < 0.5:
                cut = self.rng.randint(1, len(value) - 1)
                return f'{name}*0="{value[:cut]}"; {name}*1="{value[cut:]}"'
            return f"{name}*=us-ascii''" + "".join(c if c.isalnum() else f"%{ord(c):02X}" for c in value)
        if re.fullmatch(r"[A-Za-z0-9_.-]+", value) and self.rng.random() < 0.5:
            return f"{name}={value}"
        return f'{name}="{value}"'

    def mime_fields(self, kind, params, encoding):
        main, _, sub = kind.partition("/")
        if self.maybe("case of types", 0.3):
            main, sub = main.upper(), sub.title()
        text = f"{self.cfws(0.3, MIME_COMMENTS)}{main}/{sub}{self.cfws(0.3, MIME_COMMENTS)}"
        for name, value in params.items():
            text = text.rstrip() + f"; {self.parameter(name, value)} {self.cfws(0.3, MIME_COMMENTS)}"
        fields = [(b"Content-Type", text.strip().encode())] if kind else []
        if encoding:
            if self.maybe("case of types", 0.3):
                encoding = encoding.title()
            fields.append((b"Content-Transfer-Encoding", f"{self.cfws(0.3, MIME_COMMENTS)}{encoding} {self.cfws(0.3, MIME_COMMENTS)}".strip().encode()))
        return fields

    # -- contents

    def quoted_printable(self, data):
        hexed = self.rng.choice([0, 0, 0.05, 0.5, 1]) if self.maybe("any character in hex", 0.5) else 0
        soft = 0.1 if self.maybe("soft line breaks", 0.7) else 0
        lines = []
        for line in data.split(b"\n"):
            out, length = [], 0
            for i, c in enumerate(line):
                blank = c in b" \t"
                plain = (33 <= c <= 126 and c != 61) or (blank and i + 1 < len(line))
                piece = chr(c) if plain and self.rng.random() >= hexed else f"={c:02X}"
                if length + len(piece) > 75 or (length and self.rng.random() < soft):
                    out.append("=\n")
                    length = 0
                out.append(piece)
                length += len(piece)
            lines.append("".join(out))
        return "\n".join(lines).encode()

    def base64(self, data):
        text = base64.b64encode(data)
        width = 76
        if self.maybe("width of base64"):
            width = self.rng.choice([4, 7, 19, 23, 24, 33, 60, 64, 72, 75])
        return b"\n".join(text[i:i + width] for i in range(0, len(text), width)) + b"\n"

    def encoded(self, data, may_be_encoded):
        """(encoding, text)"""
        may_be_encoded = may_be_encoded and not self.within
        must = any(len(line) > 998 for line in data.split(b"\n")) or b"\0" in data or b"\r" in data
        if may_be_encoded and (must or self.maybe("encoding")):
            if must or self.rng.random() < 0.5:
                self.changes.add("base64")
                return "base64", self.base64(data.replace(b"\n", b"\r\n") if self.rng.random() < 0.5 else data)
            self.changes.add("quoted-printable")
            return "quoted-printable", self.quoted_printable(data)
        return "8bit" if not data.isascii() else self.rng.choice(["7bit", ""]), data

    def text(self, part, params):
        """Some words of another character set before the text."""
        charset, words = self.rng.choice(CHARSETS)
        if not self.maybe("character sets") or not part.content.isascii():
            return part.content
        params["charset"] = charset
        if self.maybe("long lines", 0.3):
            words = (words + " ") * (300 // len(words))
        return words.encode(charset) + b"\n" + part.content

    def boundary(self, outer):
        rng = self.rng
        if outer and rng.random() < 0.2:
            name = outer[-1][:60] + rng.choice(["x", "-", ".1"])    # the outer one with something after it
        else:
            name = "".join(rng.choice(BOUNDARY) for _ in range(rng.choice([1, 8, 30, 60]))) + f"{rng.randrange(10 ** 6)}"
        return name

    def multipart(self, part, params, outer):
        name = self.boundary(outer)
        params["boundary"] = name
        mark = b"--" + name.encode()
        out = b""
        if self.maybe("preamble", 0.5):
            out += self.rng.choice([b"This is a multi-part message in MIME format.\n", b"--\n", b"-- \nm p\n", b"Message-ID: none\n\n"])
        children = list(part.content)
        if self.maybe("more parts", 0.3):
            extra = self.rng.choice([Part("text/html", [], b"<p>Your <b>message</b> was not delivered.</p>\n"),
                                     Part("application/octet-stream", [], b"\0" + self.rng.randbytes(3000))])
            children.insert(self.rng.randint(0, len(children)), extra)
        for child in children:
            blank = b" \t" if self.maybe("blanks after a boundary", 0.2) else b""
            out += mark + blank + b"\n" + self.write(child, outer + [name]) + b"\n"
        out += mark + b"--\n"
        if self.maybe("epilogue", 0.3):
            out += b"\n-- \nsent by mx\n"
        return out

    def write(self, part, outer=(), fields=None):
        """Header and content of a part."""
        outer, params, encoding = list(outer), dict(part.params), ""
        kind = part.kind
        if isinstance(part.content, list):
            text = self.multipart(part, params, outer)
            encoding = "8bit" if not text.isascii() else ""
        elif part.is_header():
            if self.maybe("global", 0.2):
                kind = "message/global-headers"
            encoding, text = self.encoded(self.fields(part.content.fields) + (b"\n" if self.rng.random() < 0.5 else b""), True)
        elif isinstance(part.content, Part) and not self.within and self.maybe("global", 0.2):
            kind, self.within = "message/global", True
            text = self.write(part.content, outer)
            self.within = False
            encoding, text = self.encoded(text, True)
        elif isinstance(part.content, Part):
            text = self.write(part.content, outer)
            encoding = "8bit" if not text.isascii() else ""
        else:
            text = self.text(part, params) if kind == "text/plain" else part.content
            encoding, text = self.encoded(text, not kind.startswith("message/"))
        bare = kind == "text/plain" and not params and not encoding and self.rng.random() < 0.5
        return self.fields(part.fields + ([] if bare else self.mime_fields(kind, params, encoding))) + b"\n" + text


def nest(rng, top):
    """The whole bounce within another message."""
    head = [(b"From", b"MAILER-DAEMON@theirs.example"), (b"To", b"list@theirs.example"), (b"Subject", b"failure notice"), (b"MIME-Version", b"1.0")]
    note = Part("text/plain", [], b"see below\n")
    if rng.random() < 0.3:
        inner = Part(top.kind, [], top.content, top.params)
        return Part(f"multipart/{rng.choice(['mixed', 'signed', 'alternative'])}", top.fields, [note, inner] if rng.random() < 0.5 else [inner, note])
    return Part("multipart/mixed", head, [note, Part("message/rfc822", [], top)])


def legal(rng, data):
    """(message, its changes, ids, tags) of a message that is in order; None: it is not."""
    top = parse(data)
    if not top:
        return None
    ids, tags = plant(rng, top)
    writer = Writer(rng)
    while writer.maybe("nested", 0.4):
        # the header of a message that is within another one cites nothing
        cites = [f for f in top.fields if f[0].lower() in CITING]
        ids -= {i for _, value in cites for i in ID.findall(value)}
        top.fields[:] = [f for f in top.fields if f not in cites]
        top = nest(rng, top)
    if not any(n.lower() == b"mime-version" for n, _ in top.fields):
        top.fields.append((b"MIME-Version", b"1.0"))
    message = writer.write(top)
    if writer.maybe("CRLF", 1) or rng.random() < 0.3:
        writer.changes.add("CRLF")
        message = message.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return message, writer.changes, ids, tags


# -- illegal ways to write it


def split(data):
    """Header and body."""
    m = re.search(rb"\r?\n\r?\n", data)
    return (data[:m.end()], data[m.end():]) if m else (data, b"")


def in_body(change):
    def changed(rng, data):
        head, body = split(data)
        return head + change(rng, body)
    return changed


def some(rng, data, pattern, by, chance=0.3):
    return re.sub(pattern, lambda m: by(m) if rng.random() < chance else m[0], data)


def encoded_message(encoding):
    """A message/rfc822 that is encoded, which MIME forbids and some servers do."""
    def changed(rng, data):
        del rng
        message = email.message_from_bytes(data.replace(b"\r\n", b"\n"))
        for part in message.walk():
            if part.get_content_type() == "message/rfc822" and part.is_multipart():
                raw = decoded(part)
                text = base64.encodebytes(raw) if encoding == "base64" else quopri.encodestring(raw)
                del part["content-transfer-encoding"]
                part["Content-Transfer-Encoding"] = encoding
                part.set_payload(text.decode("latin-1"))
                return message.as_bytes()
        return None
    return changed


def text_in(charset):
    def changed(rng, data):
        del rng
        message = email.message_from_bytes(data.replace(b"\r\n", b"\n"))
        for part in message.walk():
            if part.get_content_type() == "text/plain" and b"essage-ID: <" in decoded(part):
                raw = decoded(part).decode("latin-1").encode(charset)
                del part["content-transfer-encoding"], part["content-type"]
                part["Content-Type"] = f"text/plain; charset={charset}"
                part["Content-Transfer-Encoding"] = "base64"
                part.set_payload(base64.encodebytes(raw).decode())
                return message.as_bytes()
        return None
    return changed


def flip(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice([1, 3, 30])):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def lines_changed(rng, data):
    lines = data.splitlines(True)
    for _ in range(rng.choice([1, 3])):
        i, j = sorted(rng.randrange(len(lines)) for _ in range(2))
        what = rng.randrange(3)
        if what == 0 and len(lines) > 1:
            del lines[i]
        elif what == 1:
            lines[i], lines[j] = lines[j], lines[i]
        else:
            lines[j:j] = lines[i:min(j, i + 20)]
    return b"".join(lines)


ILLEGAL = {
    "cut off": lambda rng, data: data[:rng.randrange(len(data))],
    "bytes changed": flip,
    "lines moved, lost or twice": lines_changed,
    "boundaries that differ": lambda rng, data: some(rng, data, rb"(?m)^--(?=\S)", lambda m: b"--x", 0.7),
    "boundaries that are lost": lambda rng, data: some(rng, data, rb"(?m)^--\S.*\n", lambda m: b"", 0.7),
    "no boundary after the end": lambda rng, data: re.sub(rb"\n--\S+--\s*\Z", b"", data),
    "a message in base64": encoded_message("base64"),
    "a message in quoted-printable": encoded_message("quoted-printable"),
    "base64 in base64": lambda rng, data: (encoded_message("base64"))(rng, encoded_message("base64")(rng, data) or b"\n\n"),
    "base64 with other characters": lambda rng, data: some(rng, data, rb"(?m)^[A-Za-z0-9+/]{20,}=*\r?$", lambda m: m[0][:7] + b" .,\n" + m[0][7:]),
    "base64 in one line": lambda rng, data: re.sub(rb"(?m)([A-Za-z0-9+/]{24,})\r?\n(?=[A-Za-z0-9+/]{4,}=*\r?$)", rb"\1", data),
    "hex in lower case": lambda rng, data: re.sub(rb"=[0-9A-F]{2}", lambda m: m[0].lower(), data),
    "equals signs that are bare": lambda rng, data: some(rng, data, rb"=3D", lambda m: b"="),
    "blanks after soft line breaks": lambda rng, data: re.sub(rb"=\n", b"=  \n", data),
    "CR as line end": lambda rng, data: data.replace(b"\r\n", b"\n").replace(b"\n", b"\r"),
    "mixed line ends": lambda rng, data: b"".join(l + rng.choice([b"\n", b"\r\n"]) for l in data.replace(b"\r\n", b"\n").split(b"\n")),
    "stray CRs": lambda rng, data: some(rng, data, rb"[ \n]", lambda m: b"\r" + m[0], 0.05),
    "NULs": lambda rng, data: some(rng, data, rb"[ \n]", lambda m: m[0] + b"\0", 0.05),
    "8-bit headers": lambda rng, data: some(rng, data, rb"(?m)^(Subject|To|From): ", lambda m: m[0] + "\u00fc\u65e5".encode(), 1),
    "no empty line after a header": lambda rng, data: some(rng, data, rb"\n\r?\n", lambda m: b"\n", 0.3),
    "lines without a colon": lambda rng, data: some(rng, data, rb"(?m)^(?=[A-Z][a-z-]+: )", lambda m: b"nonsense\n", 0.1),
    "folds that are lost": lambda rng, data: re.sub(rb"\r?\n[ \t]+", b"\n", data),
    "folded lines of blanks": lambda rng, data: some(rng, data, rb"\r?\n(?=[ \t]+\S)", lambda m: b"\n \n", 0.5),
    "blanks before the colon": lambda rng, data: re.sub(rb"(?im)^(message-id|content-[a-z-]+|in-reply-to):", rb"\1 :", data),
    "comments within ids": lambda rng, data: re.sub(rb"(?im)^(message-id:\s*<[^@>\n]+)@", rb"\1 (a) @ ", data),
    "blanks within ids": lambda rng, data: re.sub(rb"(?im)^(message-id:\s*<[^@>\n]+)@", rb"\1 @ ", data),
    "ids without brackets": lambda rng, data: re.sub(rb"(?im)^(message-id:\s*)<([^<>\n]+)>", rb"\1\2", data),
    "quoted": in_body(lambda rng, body: re.sub(rb"(?m)^", b"> ", body)),
    "indented": in_body(lambda rng, body: re.sub(rb"(?m)^", b"    ", body)),
    "as HTML": in_body(lambda rng, body: b"<pre>" + html.escape(body.decode("latin-1")).encode("latin-1") + b"</pre>"),
    "wrapped lines": in_body(lambda rng, body: re.sub(rb"(?m)^(.{60})(?=.)", rb"\1\n", body)),
    "one line": in_body(lambda rng, body: re.sub(rb"\r?\n", b" ", body)),
    "text in UTF-16": text_in("utf-16"),
    "text in UTF-7": text_in("utf-7"),
    "no MIME at all": lambda rng, data: some(rng, data, rb"(?im)^content-type:.*\n(?:[ \t].*\n)*", lambda m: b"", 1),
}


def illegal(rng, data, kind):
    """(message, ids) after an illegal change of that kind; None: it has nothing to change."""
    found = legal(rng, data)
    try:
        changed = found and ILLEGAL[kind](rng, found[0])
    except UnicodeError:        # as in decoded()
        return None
    if not changed or changed == found[0]:
        return None
    return changed, found[2]
