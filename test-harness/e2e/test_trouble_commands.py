"""batvctl and batvd with what they can't read: one clear line that names it; nothing is half applied (step 7)."""

import os

from batv import *
from test_trouble import Site


class TestCommands(Site):
    reading = [["keys"], ["sign", "alice@test"], ["verify", "alice@test"], ["secret", "export"]]
    changing = [["rotate"], ["rotate", "--revoke"], ["secret", "import"]]

    def setup(self):
        super().setup()
        self.config = self.batv.conf_path.read_bytes()
        self.secret = self.batv.state_dir / "secret"
        self.export = self.batv.ctl("secret", "export").stdout

    def fails(self, argv, code, *texts):
        """It ends with CODE, says one line with TEXTS on stderr, nothing on stdout, and changes nothing."""
        before = self.snapshot()
        done = self.batv.ctl(*argv, check=False, input=self.export)
        assert done.returncode == code, (argv, done)
        assert done.stdout == "" and done.stderr.count("\n") == 1 and done.stderr.startswith("batvctl: "), (argv, done)
        for text in texts:
            assert text in done.stderr, (argv, done.stderr)
        assert self.snapshot() == before, argv

    def snapshot(self):
        """Which files there are, and what is in them; the memory is large, and its date tells."""
        def content(path):
            whole = path.name in ("state", "secret") and path.is_file()
            return path.read_bytes() if whole else path.lstat().st_mtime_ns
        try:
            return {p.name: (p.lstat().st_ino, p.lstat().st_mode, content(p))
                    for p in self.batv.state_dir.iterdir() if p.name not in ("lock", "batvd.lock")}
        except OSError as error:
            return type(error)

    def daemon_ends(self, code, *texts):
        """batvd does not start; says one line."""
        before = self.snapshot()
        done = self.lab.run([BUILD / "batvd", "-c", self.batv.conf_path, "-d"], check=False, timeout=10)
        assert done.returncode == code, done
        assert done.stdout == "" and done.stderr.count("\n") == 1 and done.stderr.startswith("batvd: "), done
        for text in texts:
            assert text in done.stderr, done.stderr
        assert self.snapshot() == before
        return done.stderr

    def status_says(self, *texts):
        done = self.batv.status()
        assert done.returncode == 1 and done.stderr == "", done
        for text in texts:
            assert text in done.stdout.partition("\n\n")[0], done.stdout
        assert all(any(t in p for p in self.batv.json("status")["problems"]) for t in texts)

    def stands_by(self, *texts):
        """The published state stands in for the configuration; everybody warns."""
        self.fails(["check"], 2, *texts)
        self.status_says(*texts, "the last good configuration stays in force")
        before = self.snapshot()
        for argv in ["keys"], ["secret", "export"]:
            done = self.batv.ctl(*argv)
            assert done.stderr.startswith("batvctl: warning: ") and all(t in done.stderr for t in texts), done
        self.daemon_keeps_going(*texts)
        after = self.snapshot()
        assert {name: after[name][:2] for name in after} == {name: before[name][:2] for name in before}

    def test_configuration(self):
        path, line = self.batv.conf_path, self.config.count(b"\n") + 1

        def unlink():
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)

        def put(data=self.config, mode=0o644):
            return lambda: (unlink(), self.lab.write(path, data, mode=mode))
        # Nothing tells where the state directory is: it is not in the compiled-in place.
        for make, text in ((unlink, "No such file"), (put(mode=0o000), "Permission denied"),
                           (lambda: (unlink(), path.mkdir()), "expected a regular file"),
                           (lambda: (unlink(), os.mkfifo(path), self.lab.own(path)), "expected a regular file"),
                           (put(mode=0o666), "its mode is 0666"), (put(bytes(range(128, 256)) * 20), ":1: ")):
            make()
            for argv in ["check"], ["keys"], ["sign", "alice@test"], ["rotate", "--revoke"]:
                self.fails(argv, 2, str(path), text)
            self.daemon_ends(2, str(path), text)
            self.status_says(f"{path}", text, "the last good configuration stays in force")
        for make, text in ((put(self.config + b"sining = on\n"), f':{line}: unknown option "sining"; did you mean'),
                           (put(self.config + b"grace = soon\n"), f":{line}: grace: expected a time"),
                           (put(self.config + b"\0\n"), f":{line}: ")):
            make()
            self.stands_by(str(path), text)
        unlink()
        self.lab.write(path, self.config)
        self.in_order()

    def test_legacy_keys(self):
        legacy = self.lab.dir / "legacy"
        self.batv.conf(self.conf, legacy_keys=legacy)
        for make, text in ((lambda: None, "No such file"), (lambda: self.lab.write(legacy, "x", mode=0o644), "0644"),
                           (lambda: self.lab.write(legacy, "until soon text x\n", mode=0o600), f"{legacy}:1: ")):
            make()
            self.stands_by(str(legacy), text)
        self.lab.write(self.batv.conf_path, self.config)

    def test_secret(self):
        good = self.secret.read_bytes()

        def put(data=good, mode=0o600):
            return lambda: (self.secret.is_dir() and self.secret.rmdir(), self.secret.unlink(missing_ok=True),
                            self.lab.write(self.secret, data, mode=mode))
        second = self.lab.dir / "second"
        for make, text in ((put(b""), "not a secret file"), (put(good[:60]), f"{self.secret}:2: "),
                           (put(good[:-9]), f"{self.secret}:"), (put(os.urandom(200)), "not a secret file"),
                           (put(mode=0o000), "Permission denied"),
                           (put(mode=0o660), "mode is 0660: the group may write"),
                           (lambda: (put()(), os.link(self.secret, second)), "it has 2 links"),
                           (lambda: (self.secret.unlink(), self.secret.symlink_to(second)), "it is a symbolic link"),
                           (lambda: (self.secret.unlink(), self.secret.mkdir()), "it is not a regular file")):
            make()
            for argv in [["keys"], ["secret", "export"]] + self.changing:
                self.fails(argv, 3, str(self.secret), text)
            self.status_says(str(self.secret), text, "no new keys can be made; correct the file, or restore a copy")
            assert "only its owner" not in self.batv.ctl("keys", check=False).stderr
            self.daemon_keeps_going(str(self.secret), text)
        put()()
        self.in_order()

    def daemon_keeps_going(self, *texts):
        """batvd starts, says one line, publishes nothing else, and what is published stays in force."""
        before, said = self.path.read_bytes(), len(self.batv.log())
        self.batv.start()
        self.batv.stop()
        lines = [line for line in self.batv.log()[said:] if texts[0] in line]
        assert len(lines) == 1 and all(t in lines[0] for t in texts), self.batv.log()[said:]
        assert self.path.read_bytes() == before

    def test_state(self):
        for make, text in ((self.path.unlink, "no such file"), (lambda: self.put(""), "truncated or damaged"),
                           (lambda: self.put(self.good, 0o666), "mode is 0666: others may write"),
                           (lambda: self.put(self.good, 0o000), "Permission denied"),
                           (lambda: self.put_text(self.text + "strange 1\n"), "of an unknown version"),
                           (lambda: self.put_text(self.written(999)), "future")):
            make()
            for argv in ["sign", "alice@test"], ["verify", self.valid]:
                self.fails(argv, 3, f"{self.path}: no usable state: ", text)
            self.status_says(str(self.path), text if "version" not in text else "unknown keyword", "batvd is not")
        self.put(self.good)

    def test_directory(self):
        away = self.batv.dir / "away"
        self.batv.state_dir.rename(away)
        for argv in self.reading + self.changing:
            self.fails(argv, 3, str(self.batv.state_dir), "is missing; create it with: install -d")
        self.daemon_ends(3, str(self.batv.state_dir), "is missing; create it with: install -d")
        self.batv.state_dir.write_text("")
        for argv in self.reading + self.changing:
            self.fails(argv, 3, str(self.batv.state_dir), "must be a directory")
        self.daemon_ends(3, "must be a directory")
        self.batv.state_dir.unlink()
        away.rename(self.batv.state_dir)
        self.batv.state_dir.chmod(0o777)
        for argv in self.reading + self.changing:
            self.fails(argv, 3, str(self.batv.state_dir), "nobody but its owner may write")
        self.daemon_ends(3, "nobody but its owner may write")
        self.batv.state_dir.chmod(0o750)
        self.in_order()

    def test_somebody_elses_directory(self):
        needs_root("another owner")
        os.chown(self.batv.state_dir, 1, self.lab.gid)
        for argv in self.changing:
            self.fails(argv, 3, str(self.batv.state_dir), "only its owner or root may do this")
        self.daemon_ends(3, str(self.batv.state_dir), "only its owner or root may do this")
        self.lab.own(self.batv.state_dir)

    def test_second_daemon(self):
        self.batv.start()
        self.daemon_ends(3, "another process holds this lock; another batvd may be running")
        self.batv.stop()

    def test_no_second_daemon_where_there_is_none(self):
        """What keeps it from its lock is told as it is."""
        lock = self.batv.state_dir / "batvd.lock"
        lock.unlink(missing_ok=True)
        lock.mkdir()
        assert "another batvd" not in self.daemon_ends(3, "batvd.lock: cannot lock: ")
        lock.rmdir()

    def test_read_only_file_system(self):
        needs_root("a mount")
        (self.batv.state_dir / "batvd.lock").unlink(missing_ok=True)
        directory = self.batv.state_dir
        done = self.lab.run(["unshare", "-m", "sh", "-c", 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"',
                             directory, BUILD / "batvd", "-c", self.batv.conf_path], user="root", check=False)
        assert done.returncode == 3 and done.stderr.count("\n") == 1, done
        assert "batvd.lock: cannot lock: Read-only file system" in done.stderr and "another batvd" not in done.stderr, done

    def test_wrong_arguments(self):
        for argv in (["nosuch"], ["sign"], ["sign", "a@test", "b@test"], ["--nosuch", "status"],
                     ["sign", "not one"], ["sign", ""], ["verify", "@"], ["keys", "--at", "yesterday-ish"],
                     ["status", "--revoke"], ["-c"],
                     ["secret", "import", "--at", "now"], ["secret", "nosuch"]):
            self.fails(argv, 2)
        self.export = "nonsense\n"
        self.fails(["secret", "import"], 2)
        self.export = ""
        self.fails(["secret", "import"], 2)
