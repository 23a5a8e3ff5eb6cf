#!/usr/bin/env python3
"""Writes startup.ld: python3 actions/startup.py PROGRAM

PROGRAM is a released lockgate that kept its symbols (CARGO_PROFILE_RELEASE_STRIP=none). It takes a role from stand-ins on
loopback under valgrind (apt-get install valgrind), which tells every instruction that runs. The system maps a program's
file in windows of 64 KiB: a window with a few such functions is in memory for their sake alone. These functions are listed,
without the hashes of their names, so that the list outlives the next version of a crate.
"""
import base64, bisect, http.server, json, os, re, subprocess, sys, tempfile, threading

WINDOW = 16  # bits of an address: what is mapped around a page that is touched
FEW = 25  # functions of a window that is not worth its memory
LOADED = 0x108000  # where valgrind loads a position-independent program

CREDENTIALS = """<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser>
<AssumedRoleId>AROA:x</AssumedRoleId><Arn>arn:aws:sts::111122223333:assumed-role/deploy/x</Arn></AssumedRoleUser>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""


def token():
    part = lambda claims: base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return json.dumps({"value": f'{part({"alg": "x"})}.{part({"sub": "repo:a/b:x", "aud": "sts.amazonaws.com"})}.s'})


class Answers(http.server.BaseHTTPRequestHandler):
    def answer(self, text):
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        self.answer(token())

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.answer(CREDENTIALS)

    def log_message(self, *_):
        pass


def executed(program):
    """The addresses of all instructions that ran."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    with tempfile.TemporaryDirectory() as folder:
        at = lambda name: os.path.join(folder, name)
        environment = {
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "bearer", "ACTIONS_ID_TOKEN_REQUEST_URL": f"{url}/?v=1",
            "AWS_ENDPOINT_URL_STS": url, "GITHUB_ACTIONS": "true", "GITHUB_ENV": at("env"), "GITHUB_OUTPUT": at("output"),
            "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "1", "HOME": folder, "PATH": os.environ["PATH"],
        }
        trace = ["valgrind", "--tool=lackey", "--trace-mem=yes", f"--log-file={at('trace')}", os.path.abspath(program)]
        command = ["assume-role", "--role", "arn:aws:iam::111122223333:role/deploy", "--region", "eu-central-1"]
        subprocess.run(trace + command, env=environment, check=True, stdout=subprocess.DEVNULL)
        with open(at("trace")) as lines:
            return {int(line[3:].split(",")[0], 16) - LOADED for line in lines if line.startswith("I ")}


def main():
    program = sys.argv[1]
    listed = subprocess.run(["nm", "--defined-only", "-n", program], capture_output=True, check=True, text=True).stdout
    symbols = [line.split(" ", 2) for line in listed.splitlines()]
    symbols = [(int(at, 16), name) for at, kind, name in symbols if kind in "tTwW"]
    starts = [at for at, _ in symbols]
    windows = {}
    for at in executed(program):
        if starts[0] <= at <= starts[-1]:
            windows.setdefault(at >> WINDOW, set()).add(symbols[bisect.bisect_right(starts, at) - 1][1])
    alone = {name for names in windows.values() if len(names) <= FEW for name in names if name.startswith("_")}
    # The hashes in a name, of both manglings, are others with each version; `$` means something to the linker.
    hashless = lambda name: re.sub(r"\.[0-9]+$", "*", re.sub(r"Cs[0-9A-Za-z]+_", "Cs*_", re.sub(r"17h[0-9a-f]{16}E.*", "17h*", name)))
    patterns = sorted({hashless(name).replace("$", "?") for name in alone})
    with open(os.path.join(os.path.dirname(__file__), "startup.ld"), "w") as out:
        out.write("/* What `lockgate assume-role` runs, where it would lie alone among code that it does not run. By startup.py. */\n")
        out.write("SECTIONS\n{\n  .text.startup : {\n")
        out.writelines(f"    *(.text.{pattern})\n" for pattern in patterns)
        out.write("  }\n}\nINSERT BEFORE .text;\n")
    print(f"{len(patterns)} functions of {sum(len(names) <= FEW for names in windows.values())} windows")


main()
