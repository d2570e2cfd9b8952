"""sites.py - finds what can be mutated in a C file, and writes the file again, with all its mutants in it.

clang parses the file; its tree has the exact extent of each operator and operand. What comes from a macro's body, a
case label, an enum, the size of an array or a static assertion is left alone.

Nearly all mutants are compiled at once: where the source says `a < b`, the rewritten file computes `a < b` and
`a <= b`, and support.h chooses by a number that the environment sets. Only an initialiser of static data cannot choose
as it runs; a mutant there is a text of its own.
"""
import bisect
import json
import re
import subprocess

FLIPS = {"<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"), "==": ("!=",), "!=": ("==",)}
NOT_RUN = ("UnaryExprOrTypeTraitExpr", "OffsetOfExpr", "StaticAssertDecl", "EnumDecl", "RecordDecl", "TypedefDecl")
WRAPPERS = ("ImplicitCastExpr", "ParenExpr", "ConstantExpr", "CStyleCastExpr")
LITERALS = ("IntegerLiteral", "CharacterLiteral", "FloatingLiteral")


class Mutant:
    """One change: FROM at `offset` becomes TO."""

    def __init__(self, function, offset, length, old, new, static=False):
        self.function, self.offset, self.length = function, offset, length
        self.old, self.new, self.static = old, new, static
        self.number = self.name = self.text = None


class Source:
    """A file with its mutants, in the order of the text."""

    def __init__(self, path, text, compiler):
        self.path, self.text = path, text
        self.mutants, self.edits, self.functions, self.seen, self.less = [], [], {}, set(), set()
        self.lines = [0] + [m.end() for m in re.finditer("\n", text)]
        self.directives = [m.span() for m in re.finditer(r"^[ \t]*#(?:.*\\\n)*.*$", text, re.M)]
        for node in parse(path, text, compiler):
            if self.offset(node.get("loc", {})) is not None:
                self.declaration(node)
        self.name_mutants()

    # -- where things are -------------------------------------------------------------------------------------------
    def offset(self, loc, spelling=True):
        """The offset of a location in this file, or None; of what a macro's argument says, or of the macro's name."""
        if "spellingLoc" in loc:
            argument = loc["expansionLoc"].get("isMacroArgExpansion")
            loc = loc["spellingLoc"] if argument and spelling else loc["expansionLoc"]
        if "offset" not in loc or "includedFrom" in loc or self.in_directive(loc["offset"]):
            return None
        return loc["offset"]

    def in_directive(self, offset):
        i = bisect.bisect_right(self.directives, (offset, len(self.text)))
        return i > 0 and self.directives[i - 1][0] <= offset < self.directives[i - 1][1]

    def extent(self, node, spelling=True):
        begin = self.offset(node["range"]["begin"], spelling)
        last = node["range"]["end"]
        end = self.offset(last, spelling)
        if begin is None or end is None:
            return None
        macro = "spellingLoc" in last and not (spelling and last["expansionLoc"].get("isMacroArgExpansion"))
        end += (last["expansionLoc"] if macro else last.get("spellingLoc", last)).get("tokLen", 0)
        if macro and self.text[end:end + 1] == "(":
            end = self.closing(end)
        if end < begin or not balanced(self.text[begin:end]):
            return None
        return begin, end

    def closing(self, offset):
        depth = 0
        for m in re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|[()]').finditer(self.text, offset):
            depth += {"(": 1, ")": -1}.get(m.group(), 0)
            if depth == 0:
                return m.end()
        return offset

    # -- the walk ---------------------------------------------------------------------------------------------------
    def declaration(self, node):
        if node["kind"] == "FunctionDecl":
            body = [n for n in node.get("inner", []) if n["kind"] == "CompoundStmt"]
            extent = self.extent(node)
            if body and extent:
                self.function = node["name"]
                self.functions[self.function] = self.text[slice(*extent)]
                self.walk(body[0], False)
        elif node["kind"] == "VarDecl":
            extent = self.extent(node)
            if extent and node.get("init"):
                self.function = node["name"]
                self.functions[self.function] = self.text[slice(*extent)]
                self.children(node, True)

    def children(self, node, static):
        for child in node.get("inner", []):
            if child:
                self.walk(child, static)

    def walk(self, node, static):
        kind = node.get("kind")
        if kind in NOT_RUN or (kind == "ImplicitCastExpr" and node.get("castKind") == "NullToPointer"):
            return
        if kind == "CallExpr" and bare(node["inner"][0]).get("referencedDecl", {}).get("name", "").startswith("__builtin_"):
            return      # its arguments must be constants
        if kind == "VarDecl" and node.get("storageClass") == "static":
            static = True
        if kind == "CaseStmt":
            for child in node["inner"][1:]:
                self.walk(child, static)
            return
        if kind == "UnaryOperator" and node["opcode"] == "-" and bare(node["inner"][0])["kind"] in LITERALS:
            self.literal(bare(node["inner"][0]), static, negative=True)
            return
        if kind in LITERALS:
            self.literal(node, static)
        elif kind == "BinaryOperator" and not static:
            self.binary(node)
        elif kind == "CompoundAssignOperator":
            self.assignment(node)
        elif kind == "UnaryOperator" and node["opcode"] == "!" and not static:
            self.negation(node)
        elif kind == "IfStmt":
            self.condition(node)
        elif kind == "ConditionalOperator" and not static:
            self.turned(node["inner"][0])
        self.children(node, static)

    def add(self, offset, length, old, new, static=False):
        mutant = Mutant(self.function, offset, length, old, new, static)
        mutant.number = len(self.mutants)
        self.mutants.append(mutant)
        return "BATV_M(%d" % mutant.number

    def fresh(self, *what):
        """A macro may show the same text twice."""
        fresh = what not in self.seen
        self.seen.add(what)
        return fresh

    def wrap(self, begin, end, before, after):
        """Edits of an outer expression come after those of its parts: the last one is the outermost."""
        self.edits.append((begin, end, before, after, None))

    def operator(self, node):
        """Where the operator stands, with the extents of both operands."""
        for spelling in (True, False):
            left, right = (self.extent(n, spelling) for n in node["inner"][:2])
            if left and right and left[1] <= right[0]:
                between = re.sub(r"/\*.*?\*/|//.*", lambda m: " " * len(m.group()), self.text[left[1]:right[0]], flags=re.S)
                if between.strip() == node["opcode"]:
                    at = left[1] + between.index(node["opcode"])
                    return (left[0], right[1], at, left[1]) if self.fresh("op", at) else None
        return None

    def split(self, place, opcode, before, middle, after):
        begin, end, at, _ = place
        self.edits.append((begin, end, before, after, (at, len(opcode), middle)))

    def binary(self, node):
        op = node["opcode"]
        if op not in FLIPS and op not in ("&&", "||", "+", "-"):
            return
        if op in (">", "<=", "<", ">="):
            # x < 5 becomes x <= 5, which is x < 6 already: of the neighbours of 5 only 4 is new.
            for operand, less in zip(node["inner"], (op in (">", "<="), op in ("<", ">="))):
                if less:
                    self.less.add(json.dumps(bare(operand)["range"]))
        types = [n["type"].get("desugaredQualType", n["type"]["qualType"]) for n in node["inner"]]
        pointers = [t.endswith("*") or t.endswith("]") for t in types]
        if op == "-" and all(pointers) or op == "+" and pointers[1]:
            return      # the other operator does not compile
        place = self.operator(node)
        if not place:
            return
        at = place[2]
        n = "%d" % at
        if op in FLIPS:
            value = "_l%s %s _r%s" % (n, op, n)
            for new in FLIPS[op]:
                value = "%s, %s, _l%s %s _r%s)" % (self.add(at, len(op), op, new).replace("_M", "_PICK"), value, n, new, n)
            plus = ["" if p else " + 0" for p in pointers]      # of a bit-field there is no auto type
            self.split(place, op, "({ __auto_type _l%s = (" % n, ")%s; __auto_type _r%s = (" % (plus[0], n),
                       ")%s; %s; })" % (plus[1], value))
        elif op in ("&&", "||"):
            new = "||" if op == "&&" else "&&"
            short, other = ("!_l", "_l") if op == "&&" else ("_l", "!_l")
            test = "(%s) ? %s%s : %s%s)" % (self.add(at, 2, op, new), other, n, short, n)
            self.split(place, op, "({ int _l%s = !!(" % n, "); %s ? _l%s : !!(" % (test, n), "); })")
        else:
            new = "-" if op == "+" else "+"
            call = self.add(at, 1, op, new)
            self.split(place, op, "({ __auto_type _l%s = (" % n, "); __auto_type _r%s = (" % n,
                       "); %s) ? _l%s %s _r%s : _l%s %s _r%s; })" % (call, n, new, n, n, op, n))

    def assignment(self, node):
        op = node["opcode"]
        if op not in ("+=", "-="):
            return
        place = self.operator(node)
        if place:
            new = "-=" if op == "+=" else "+="
            n = "%d" % place[2]
            target = self.text[place[0]:place[3]]
            call = self.add(place[2], 2, op, new)
            first = "({ "
            if "[" in target or "(" in target:      # compute it once
                first, target = "({ __auto_type _p%s = &" % n, "*_p%s" % n
            self.edits.append((place[0], place[1], first, "; %s) ? (%s %s _r%s) : (%s %s _r%s); })" % (
                call, target, new, n, target, op, n), (place[2], 2, "; __auto_type _r%s = " % n)))

    def negation(self, node):
        extent = self.extent(node)
        if extent and self.text[extent[0]] == "!" and self.fresh("!", extent[0]):
            self.wrap(*extent, "(%s) ^ " % self.add(extent[0], 1, "!", ""), ")")

    def turned(self, node):
        """A condition that is one bare value: x becomes !x."""
        inner = bare(node)
        if inner["kind"] in ("DeclRefExpr", "MemberExpr", "CallExpr", "ArraySubscriptExpr"):
            extent = self.extent(node)
            if extent and self.fresh("turn", extent[0]):
                self.wrap(*extent, "(%s) ^ !!(" % self.add(extent[0], 0, "", "!"), "))")

    def condition(self, node):
        parts = [n for n in node["inner"] if n]
        if node.get("hasInit") or node.get("hasVar"):
            return
        self.turned(parts[0])

    def literal(self, node, static, negative=False):
        begin = node["range"]["begin"]
        offset = self.offset(begin)
        if offset is None:
            return
        word = re.compile(r"true\b|false\b|'(?:\\.[^']*|[^'\\])'|(?:0[xX][0-9a-fA-F]+|[0-9.]+(?:[eE][-+]?[0-9]+)?)[uUlLfF]*").match(
            self.text, offset)
        if not word or not self.fresh("literal", offset):
            return
        old = word.group()
        if old in ("true", "false"):
            call = self.add(offset, len(old), old, "false" if old == "true" else "true", static)
            if not static:
                self.wrap(offset, word.end(), "(%s) ^ " % call, ")")
            return
        if node["kind"] == "CharacterLiteral":
            steps = ((1, "%s + 1" % old),)
        else:
            try:
                value = int(re.sub("[uUlL]+$", "", old), 8 if re.fullmatch("0[0-7]+[uUlL]*", old) else 0)
                step = -1 if negative or json.dumps(node["range"]) in self.less else 1
                steps = ((step, self.written(old, value + step)),)
            except ValueError:
                steps = ((1, "(%s + 1)" % old),)
        text = old
        for step, new in steps:
            call = self.add(offset, len(old), old, new, static)
            text = "%s %s %s)" % (text, "+" if step > 0 else "-", call)
        if not static:
            self.wrap(offset, word.end(), "(", text[len(old):] + ")")

    @staticmethod
    def written(old, value):
        """A number as its neighbour is written."""
        suffix = re.search("[uUlL]*$", old).group()
        if old[:2] in ("0x", "0X"):
            return "0x%x%s" % (value, suffix)
        if re.fullmatch("0[0-7]+[uUlL]*", old):
            return "0%o%s" % (value, suffix)
        return "(-1)" if value < 0 else "%d%s" % (value, suffix)

    # -- names ------------------------------------------------------------------------------------------------------
    def name_mutants(self):
        """A mutant's name is its line with the change in brackets; the second one of that name in its function has #2."""
        count = {}
        for m in sorted(self.mutants, key=lambda m: (m.offset, m.number)):
            start = self.lines[bisect.bisect_right(self.lines, m.offset) - 1]
            end = self.text.find("\n", m.offset)
            line = "%s[%s -> %s]%s" % (self.text[start:m.offset], m.old, m.new, self.text[m.offset + m.length:end])
            line = re.sub(r"\s+", " ", line).strip()
            count[m.function, line] = k = count.get((m.function, line), 0) + 1
            m.text = line + (" #%d" % k if k > 1 else "")
            m.name = "%s: %s: %s" % (self.path, m.function, m.text)
            m.line = bisect.bisect_right(self.lines, m.offset)

    # -- the rewritten text -----------------------------------------------------------------------------------------
    def rewritten(self):
        """The file with all its mutants."""
        pieces = []     # (where and in which order, text, how much of the old text it replaces)
        for depth, (begin, end, before, after, operator) in enumerate(self.edits):
            size = end - begin
            # At one place: what ends comes before what begins; the smaller ends first, the larger begins first.
            pieces.append(((begin, 1, -size, depth), before, 0))
            pieces.append(((end, 0, size, -depth), after, 0))
            if operator:
                at, length, middle = operator
                pieces.append(((at, 0, 1 << 40, 0), middle, length))
        out, place = [], 0
        for (at, *_), text, length in sorted(pieces):
            out += [self.text[place:at], text]
            place = at + length
        return "".join(out) + self.text[place:]

    def with_static(self, mutant):
        """The file with one mutant of its static data."""
        return self.text[:mutant.offset] + mutant.new + self.text[mutant.offset + mutant.length:]


def bare(node):
    while node["kind"] in WRAPPERS and node.get("inner"):
        node = node["inner"][0]
    return node


def balanced(text):
    text = re.sub(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|/\*.*?\*/', "", text, flags=re.S)
    return text.count("(") == text.count(")") and text.count("[") == text.count("]")


def parse(path, text, compiler):
    """clang's tree of the file: what the file itself has."""
    run = subprocess.run(["clang", "-x", "c", "-std=gnu11", "-w", *compiler, "-fsyntax-only", "-Xclang", "-ast-dump=json", path],
                         stdout=subprocess.PIPE, check=True)
    nodes = []
    for node in json.loads(run.stdout)["inner"]:
        loc = node.get("loc", {})
        if "expansionLoc" in loc:
            loc = loc["expansionLoc"]
        if "offset" in loc and "includedFrom" not in loc:
            nodes.append(node)
    return nodes
