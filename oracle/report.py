"""One line per check; the exit status remembers."""


class Report:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, ok, text):
        print(("PASS " if ok else "FAIL ") + text)
        self.passed, self.failed = self.passed + bool(ok), self.failed + (not ok)
        return bool(ok)

    def skip(self, text):
        print("SKIP " + text)
        self.skipped += 1

    def note(self, text):
        print("     " + text)

    def end(self, needed=1):
        if self.passed + self.failed < needed:
            print("FAIL nothing was checked")
            self.failed += 1
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return 1 if self.failed else 0
