"""Forges receipts: changes what they say, and whatever has to change with it so that the lie is a consistent one."""

import hashlib
import json


def receipts_of(trial):
    return sorted(trial.root.glob(".splitter/receipts/*/*.json"))


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Forgery:
    """A receipt to change (`raw`); `save` seals it anew, `rewrite` makes the files after what its pieces come to."""

    def __init__(self, trial, number):
        self.trial = trial
        self.path = receipts_of(trial)[number - 1]
        self.raw = json.loads(self.path.read_bytes())
        copies = trial.root / ".splitter/base"
        self.before = {path: (copies / name).read_bytes() for path, name in self.raw["before"].items()}
        self.source = next(iter(self.raw["items"].values()))["from"][0]

    def save(self, *, sealed=True):
        if sealed:
            said = {key: value for key, value in self.raw.items() if key != "sha256"}
            self.raw["sha256"] = digest(json.dumps(said, sort_keys=True, separators=(",", ":")).encode())
        self.path.write_text(json.dumps(self.raw))

    def rewrite(self):
        for path, row in self.raw["pieces"].items():
            data = b"".join(self.bytes_of(piece) for piece in row)
            self.trial.path(path).write_bytes(data)
            self.raw["after"][path] = digest(data)
        for row in (*self.raw["items"].values(), *self.raw["stayed"].values()):
            row["to"] = self.place(*row["from"][1:])

    def place(self, start, end):
        found = []
        for path, row in self.raw["pieces"].items():
            at = 0
            for piece in row:
                if piece[:2] == ["kept", self.source] and start <= piece[2] < end:
                    found.append((path, at, at + len(self.bytes_of(piece))))
                at += len(self.bytes_of(piece))
        return [found[0][0], found[0][1], found[-1][2]] if found else ["", 0, 0]

    def bytes_of(self, piece):
        return piece[1].encode() if piece[0] == "added" else self.before[piece[1]][piece[2] : piece[3]]

    def text(self, key):
        _, start, end = self.item(key)["from"]
        return self.before[self.source][start:end]

    def text_of(self, start, end):
        return self.before[self.source][start:end]

    def item(self, key):
        return {**self.raw["items"], **self.raw["stayed"], **self.raw["gone"]}[key]

    def added(self, why):
        """The first piece that was added for a reason."""
        return next(p for row in self.raw["pieces"].values() for p in row if p[0] == "added" and p[2] == why)

    def add(self, path, number, text, why):
        self.raw["pieces"][path].insert(number, ["added", text, why])
        self.rewrite()

    def cut(self, key, text, why, length=None):
        """Leave a text of an item out, or its first bytes, for a reason."""
        start = self.find(key, text)
        end = start + (len(text) if length is None else length)
        self.raw["dropped"].append([self.source, start, end, why])
        self.split(start, end)

    def replace(self, key, text, new, why):
        start = self.find(key, text)
        self.raw["dropped"].append([self.source, start, start + len(text), why])
        self.split(start, start + len(text), ["added", new, why])

    def insert(self, key, text, new, why):
        """Add a text in front of one that an item has."""
        start = self.find(key, text)
        self.split(start, start, ["added", new, why])

    def find(self, key, text):
        return self.item(key)["from"][1] + self.text(key).index(text)

    def split(self, start, end, *between):
        """Take a kept piece apart at a range of the source, and put something between the parts."""
        for row in self.raw["pieces"].values():
            for at, piece in enumerate(row):
                if piece[:2] == ["kept", self.source] and piece[2] <= start and end <= piece[3]:
                    parts = [["kept", self.source, piece[2], start], *between, ["kept", self.source, end, piece[3]]]
                    row[at : at + 1] = [part for part in parts if part[0] == "added" or part[2] < part[3]]
                    return self.rewrite()
        raise AssertionError((start, end))
