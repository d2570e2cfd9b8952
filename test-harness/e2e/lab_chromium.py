"""A real browser: Debian's chromium-headless-shell, unpacked from its packages, never installed.

It is told what to do through its debugging pipe: JSON documents that end in NUL, on descriptors 3 and 4.
"""

import base64
import json
import os
import select
import subprocess
import time

from lab_base import BUILD, LabError, skip, tool

SECONDS = 60        # for one answer
CONTRAST = """(() => {
  const numbers = c => { const n = c.match(/[\\d.]+/g).map(Number); return n.length > 3 ? n : [...n, 1]; };
  const light = c => c.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
                      .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const under = e => { for (; e; e = e.parentElement) {
    const c = numbers(getComputedStyle(e).backgroundColor);
    if (c[3] === 1) return c;
    if (c[3] !== 0) throw new Error("half a background: " + e.outerHTML.slice(0, 99)); }
    return [255, 255, 255, 1]; };
  const texts = [], shapes = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement, text = walk.currentNode.data.trim(), style = getComputedStyle(e);
    if (!text || e.closest("script, title")) continue;
    texts.push([ratio(numbers(e instanceof SVGElement ? style.fill : style.color), under(e)), text.slice(0, 60)]); }
  for (const e of document.querySelectorAll("svg .ours, svg .refused, svg .would, svg .signed, .name rect"))
    shapes.push([ratio(numbers(getComputedStyle(e).fill), under(e)), e.outerHTML.slice(0, 60)]);
  return {texts, shapes}; })()"""


class Chromium:
    """with Chromium(lab) as browser: browser.open(path); browser.width(390); browser.ask("document.title")"""

    def __init__(self, lab, name="chromium"):
        root = BUILD / "chromium" / "root"
        if not (BUILD / "chromium" / ".fetched").exists():
            try:
                tool("fetch", "deb", BUILD / "chromium", "chromium-headless-shell", "chromium-common")
            except LabError as error:
                skip(f"cannot get Chromium: {error}")
        self.dir = lab.mkdir(name)
        self.net_log = self.dir / "net.json"
        libraries = [str(p) for p in sorted(root.glob("usr/lib/*-linux-gnu*"))]
        libraries += [f"{p}/pulseaudio" for p in libraries]
        self.log = open(self.dir / "log", "wb")
        self.process = subprocess.Popen(
            ["sh", "-c", 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null', "sh",
             root / "usr/lib/chromium/chromium-headless-shell", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--no-first-run",
             f"--user-data-dir={self.dir}/data", f"--log-net-log={self.net_log}", "--remote-debugging-pipe", "about:blank"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, bufsize=0,
            env={"LD_LIBRARY_PATH": ":".join(libraries), "HOME": str(self.dir), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TZ": "UTC"})
        self.number, self.read, self.session, self.requests = 0, b"", None, []
        page = next(t for t in self.say("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.say("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        self.say("Page.enable")
        self.say("Network.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def next_document(self):
        deadline = time.monotonic() + SECONDS
        while b"\0" not in self.read:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            more = os.read(self.process.stdout.fileno(), 1 << 20) if ready else b""
            if not more:
                raise LabError("Chromium: no answer; " + (self.dir / "log").read_text(errors="replace")[-2000:])
            self.read += more
        text, _, self.read = self.read.partition(b"\0")
        told = json.loads(text)
        if told.get("method") == "Network.requestWillBeSent":
            self.requests.append(told["params"]["request"]["url"])
        return told

    def say(self, method, **params):
        """Give a command, and return its result."""
        self.number += 1
        command = {"id": self.number, "method": method, "params": params}
        if self.session:
            command["sessionId"] = self.session
        self.process.stdin.write(json.dumps(command).encode() + b"\0")
        while (told := self.next_document()).get("id") != self.number:
            pass
        if "error" in told:
            raise LabError(f"Chromium: {method}: {told['error']}")
        return told["result"]

    def open(self, path):
        self.say("Page.navigate", url=path.as_uri())
        while self.ask("location.href + ' ' + document.readyState") != f"{path.as_uri()} complete":
            self.next_document()        # the end of loading is an event

    def ask(self, script):
        told = self.say("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in told:
            raise LabError(f"Chromium: {told['exceptionDetails']}")
        return told["result"].get("value")

    def look(self, width, scheme="light", media="screen", height=900):
        """Be a screen of that width in that scheme, or paper."""
        self.say("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.say("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}])

    def contrast(self):
        """Of each text and each bar: [[ratio, what], ...] as texts and shapes."""
        return self.ask(CONTRAST)

    def picture(self, path):
        size = self.say("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        told = self.say("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(told["data"]))

    def paper(self):
        """The page as a PDF."""
        return base64.b64decode(self.say("Page.printToPDF", printBackground=True)["data"])

    def end(self):
        if self.process.poll() is None:
            try:
                self.session = None
                self.say("Browser.close")
                self.process.wait(SECONDS)
            except (LabError, OSError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        self.log.close()

    def asked_network(self):
        """After end(): what its own network log says that it asked for, or connected to."""
        told = json.loads(self.net_log.read_text())
        kinds = {number: name for name, number in told["constants"]["logSourceType"].items()}
        urls = [e["params"]["url"] for e in told["events"] if "url" in e.get("params", {})]
        return sorted({u for u in urls if not u.startswith(("file:", "about:", "data:"))} |
                      {kinds[e["source"]["type"]] for e in told["events"] if "SOCKET" in kinds[e["source"]["type"]]})
