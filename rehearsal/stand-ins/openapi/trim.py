"""Trims GitHub's OpenAPI description to the operations that the stand-in answers.

    npm pack @octokit/openapi@23.0.2
    tar -xzf octokit-openapi-23.0.2.tgz package/LICENSE package/generated/api.github.com.json
    python3 trim.py package

reads the operations from paths.txt beside this file and writes github.json there: the same bytes for the same package.
Needs Python 3.9 or later and nothing else.
"""

import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
WORDS = {"description", "summary", "example", "examples", "externalDocs", "tags", "operationId", "title"}
KINDS = ("headers", "parameters", "responses", "schemas")


def wanted():
    lines = (HERE / "paths.txt").read_text(encoding="utf-8").splitlines()
    return [tuple(line.split(" ", 1)) for line in lines if line and not line.startswith("#")]


def bare(node, names=False):
    """The node without words for people. Where its keys are names of somebody's choice, all of them stay."""
    if isinstance(node, list):
        return [bare(it) for it in node]
    if not isinstance(node, dict):
        return node
    kept = {key: it for key, it in node.items() if names or not (key in WORDS or key.startswith("x-"))}
    kept = {key: bare(it, not names and key in ("properties", "responses")) for key, it in kept.items()}
    # How long a page may be is said in words alone.
    limit = re.search(r"\(max (\d+)\)", str(node.get("description", "")))
    if not names and node.get("in") == "query" and kept["schema"].get("type") == "integer" and limit:
        kept["schema"]["maximum"] = int(limit[1])
    return kept


def references(node):
    if isinstance(node, list):
        for it in node:
            yield from references(it)
    elif isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for it in node.values():
            yield from references(it)


def trim(whole, terms):
    paths = {}
    for method, path in wanted():
        operation = whole["paths"].get(path, {}).get(method.lower())
        if operation is None:
            sys.exit(f"{method} {path} is not in the description: correct paths.txt")
        paths.setdefault(path, {})[method.lower()] = bare(operation)
    components = {kind: {} for kind in KINDS}
    queue = list(references(paths))
    while queue:
        _, _, kind, name = queue.pop().split("/")
        if name not in components[kind]:
            components[kind][name] = bare(whole["components"][kind][name])
            queue.extend(references(components[kind][name]))
    origin = "https://github.com/github/rest-api-description (MIT)"
    made = f"Trimmed by trim.py from @octokit/openapi, which repackages {origin}."
    info = {
        "description": f"{made} The package's licence: {terms}",
        "license": whole["info"]["license"],
        "title": whole["info"]["title"],
        "version": whole["info"]["version"],
    }
    return {"openapi": whole["openapi"], "info": info, "paths": paths, "components": components}


def written(node, depth):
    """JSON with a line of its own for each member down to `depth`, and one line for what lies below."""
    if depth == 0 or not isinstance(node, dict) or not node:
        return json.dumps(node, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    members = (f"{json.dumps(key)}: {written(it, depth - 1)}" for key, it in sorted(node.items()))
    return "{\n" + ",\n".join(members) + "\n}"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    package = pathlib.Path(sys.argv[1])
    whole = json.loads((package / "generated" / "api.github.com.json").read_text(encoding="utf-8"))
    terms = " ".join((package / "LICENSE").read_text(encoding="utf-8").split())
    (HERE / "github.json").write_text(written(trim(whole, terms), 5) + "\n", encoding="utf-8")
