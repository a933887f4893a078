# ruff: noqa: B905, D103 - one short script, for any Python from 3.11 on
"""Check the draws of a registered experiment: ``python verify_draw.py FOLDER [HEAD]``.

Python's standard library alone, and nothing of the package that made the draw. It reads
``register.jsonl``, checks its chain of hashes, and makes every draw again from the registered
design, the units file and the public text. HEAD is the hash that the other party holds, if there
is one.
Exit code 0: all draws are those on record; 1: something is not, and is named.
"""

import csv
import hashlib
import io
import itertools
import json
import math
import sys
import tomllib
from pathlib import Path


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def stop(text):
    print(text)
    raise SystemExit(1)


# Random whole numbers: SHA-256 of "KEY:DRAW:BLOCK", eight words of four bytes each


def words(key, draw):
    for block in itertools.count():
        digest = hashlib.sha256(f"{key}:{draw}:{block}".encode()).digest()
        for start in range(0, 32, 4):
            yield int.from_bytes(digest[start : start + 4], "big")


def below(bound, stream):
    limit = 2**32 - 2**32 % bound
    return next(word for word in stream if word < limit) % bound


def shuffled(items, key, draw=0):
    items, stream = list(items), words(key, draw)
    for last in range(len(items) - 1, 0, -1):
        other = below(last + 1, stream)
        items[last], items[other] = items[other], items[last]
    return items


# The design: blocks, numbers of each arm, allocations


def numbered(values):
    seen = {}
    return [seen.setdefault(value, len(seen)) for value in values]


def blocks_of(how, rows):
    method = how["method"]
    if method == "pairs":
        return numbered([row[how.get("pair", "pair")] for row in rows])
    if method == "simple" or not how.get("strata"):
        found = [0] * len(rows)
    else:
        found = numbered([tuple(row[name] for name in how["strata"]) for row in rows])
    if method == "blocked" and how.get("block_size"):
        counts, within = {}, []
        for block in found:
            within.append((block, counts.get(block, 0) // how["block_size"]))
            counts[block] = counts.get(block, 0) + 1
        found = numbered(within)
    return found


def labels_of(blocks, shares):
    """One possible allocation, which says how many of each block go to each arm."""
    labels, given, seen = [0] * len(blocks), [0] * len(shares), 0
    for block in sorted(set(blocks)):
        places = [i for i, own in enumerate(blocks) if own == block]
        seen += len(places)
        counts = [len(places) * share // sum(shares) for share in shares]
        behind = [
            round(seen * share / sum(shares) - had - own, 9)
            for share, had, own in zip(shares, given, counts)
        ]
        order = sorted(range(len(shares)), key=lambda arm: -behind[arm])
        for arm in order[: len(places) - sum(counts)]:
            counts[arm] += 1
        given = [a + b for a, b in zip(given, counts)]
        arms = [arm for arm, n in enumerate(counts) for _ in range(n)]
        for place, arm in zip(places, arms):
            labels[place] = arm
    return labels


def permuted(blocks, labels, key, draw=0):
    row = [0] * len(blocks)
    for number, block in enumerate(sorted(set(blocks))):
        places = [i for i, own in enumerate(blocks) if own == block]
        own = sorted(labels[i] for i in places)
        for place, arm in zip(places, shuffled(own, f"{key}:{number}", draw)):
            row[place] = arm
    return row


def simple(n, shares, key):
    stream = words(key, 0)
    lots = [arm for arm, share in enumerate(shares) for _ in range(share)]
    while True:
        row = [lots[below(len(lots), stream)] for _ in range(n)]
        if len(set(row)) == len(shares):
            return row


def orders(items):
    """Every order of items, which may repeat, once."""
    if not items:
        yield ()
    for first in sorted(set(items)):
        rest = list(items)
        rest.remove(first)
        for tail in orders(rest):
            yield (first, *tail)


def every(blocks, labels):
    """All allocations of a blocked scheme."""
    parts = []
    for block in sorted(set(blocks)):
        places = [i for i, own in enumerate(blocks) if own == block]
        parts.append([(places, order) for order in orders([labels[i] for i in places])])
    for chosen in itertools.product(*parts):
        row = [0] * len(blocks)
        for places, order in chosen:
            for place, arm in zip(places, order):
                row[place] = arm
        yield row


def ways(blocks, labels):
    n = 1
    for block in set(blocks):
        own = [labels[i] for i, b in enumerate(blocks) if b == block]
        n *= math.factorial(len(own))
        for arm in set(own):
            n //= math.factorial(own.count(arm))
    return n


def constrained(how, rows, blocks, labels, n_arms, plan_hash, key):
    """The acceptable allocations in order, and the one that the key gives."""
    columns = []
    for name in how["covariates"]:
        values = [float(row[name]) for row in rows]
        mean = math.fsum(values) / len(values)
        spread = math.sqrt(math.fsum((x - mean) ** 2 for x in values) / max(1, len(values) - 1))
        columns.append([(x - mean) / spread for x in values])
    sizes = [labels.count(arm) for arm in range(n_arms)]
    multiple = math.lcm(*(size for size in sizes if size))
    weights = [multiple // size if size else 0 for size in sizes]
    largest = sum(math.fsum(abs(x) for x in c) ** 2 for c in columns) * sum(weights)
    digits = min(4, math.floor(math.log10(math.sqrt(2**62 / max(largest, 1)))))
    whole = [[round(x * 10**digits) for x in column] for column in columns]

    def score(row):
        total = 0
        for arm, weight in enumerate(weights):
            for column in whole:
                total += weight * sum(x for x, own in zip(column, row) if own == arm) ** 2
        return total

    candidates = how.get("candidates", 100_000)
    if ways(blocks, labels) <= candidates:
        found = list(every(blocks, labels))
    else:
        found = [permuted(blocks, labels, f"{plan_hash}:candidates", d) for d in range(candidates)]
    scores = sorted(score(row) for row in found)
    wanted = min(len(found), max(1, math.ceil(how.get("acceptable", 0.1) * len(found))))
    cutoff = scores[wanted - 1] + 1
    rows_kept = sorted({tuple(row) for row in found if score(row) < cutoff})
    rows_kept.sort(key=score)
    return list(rows_kept[below(len(rows_kept), words(key, 0))])


def clusters_of(how, people):
    """A row per cluster, in the order in which they first come: means of what is balanced."""
    found = {}
    for row in people:
        found.setdefault(row[how["cluster"]].strip(), []).append(row)
    rows = []
    for name, own in found.items():
        row = dict(own[0]) | {how.get("unit", "unit"): name}
        for column in how.get("covariates", ()):
            known = [float(one[column]) for one in own if one[column].strip()]
            row[column] = math.fsum(known) / len(known)
        rows.append(row)
    return rows


def allocation(design, rows, plan_hash, key):
    """The allocation file that the seed gives."""
    how = design["randomisation"]
    if how.get("cluster"):
        rows = clusters_of(how, rows)
    names = [row[how.get("unit", "unit")].strip() for row in rows]
    arms = [arm["name"] for arm in design["arms"]]
    shares = [arm.get("share", 1) for arm in design["arms"]]
    blocks = blocks_of(how, rows)
    if how["method"] == "wedge":
        arms = [f"step {n}" for n in range(1, len(how["steps"]) + 1)]
        shares = how["steps"]
        whole = [arm for arm, n in enumerate(shares) for _ in range(n)]
        labels = whole if len(set(blocks)) == 1 else labels_of(blocks, shares)
    elif how["method"] != "simple":
        labels = labels_of(blocks, shares)
    if how["method"] == "simple":
        row = simple(len(names), shares, key)
    elif how["method"] == "constrained":
        row = constrained(how, rows, blocks, labels, len(arms), plan_hash, key)
    else:
        row = permuted(blocks, labels, key)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["unit", "block", "arm"])
    writer.writerows((name, block, arms[arm]) for name, block, arm in zip(names, blocks, row))
    return text.getvalue().encode()


def main(folder, head=""):
    folder, entries, before = Path(folder), [], "0" * 64
    for number, line in enumerate((folder / "register.jsonl").read_bytes().splitlines(), start=1):
        entry = json.loads(line)
        unsealed = {name: value for name, value in entry.items() if name != "hash"}
        written = json.dumps(unsealed, sort_keys=True, separators=(",", ":")).encode()
        if sha256(written) != entry["hash"] or entry["previous"] != before:
            stop(f"Line {number} of the register does not hold.")
        entries.append(entry)
        before = entry["hash"]
    hashes = [entry["hash"] for entry in entries]
    if head and head not in hashes:
        stop(f"The register does not have the head {head}.")
    drawn = [entry for entry in entries if entry["kind"] == "allocated"]
    if not drawn:
        stop("No draw is on record.")
    for entry in drawn:
        earlier = entries[: entry["number"] - 1]
        plan = [one for one in earlier if one["kind"] in ("registered", "amended")][-1]
        design = tomllib.loads(plan["content"]["design"])
        name = design["randomisation"].get("units", "units.csv")
        units = (folder / name).read_bytes()
        if sha256(units) != plan["content"]["files"][name]:
            print(f"Line {entry['number']}: {name} is not the file of that draw; not checked.")
            continue
        answers = entry["content"].get("answers", plan["hash"])
        if answers not in (earlier[-1]["hash"], plan["hash"]):
            stop(f"Line {entry['number']} answers another head than that of the line before it.")
        if head in hashes[: entry["number"] - 1] and entry is drawn[0] and answers != head:
            stop(f"Line {entry['number']} does not answer the head {head}.")
        seed = sha256(f"{answers}\n{entry['content']['text'].strip()}".encode())
        rows = list(csv.DictReader(io.StringIO(units.decode("utf-8-sig"))))
        made = allocation(design, rows, plan["hash"], seed)
        on_disk = (folder / entry["content"]["file"]).read_bytes()
        if not sha256(made) == sha256(on_disk) == entry["content"]["sha256"]:
            stop(f"Line {entry['number']}: the allocation is not the one that the seed gives.")
        print(f"Line {entry['number']}: the allocation follows from head and text. Seed {seed}.")
    print(f"Head of the register: {hashes[-1]}")


if __name__ == "__main__":
    main(*sys.argv[1:3])
