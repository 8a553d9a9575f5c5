"""Run it with the SDK on the path: PYTHONPATH=../../../sdk/python python3 -m unittest"""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "src"))

from plugin import dates


class Dates(unittest.TestCase):
    def test_dates_are_read_as_people_write_them(self):
        for words, want in (
            ("Date: 5 March 2025", "2025-03-05"),
            ("Berlin, den 14. März 2025", "2025-03-14"),
            ("le 3 août 2024", "2024-08-03"),
            ("12 de enero de 2023", "2023-01-12"),
            ("March 14th, 2025", "2025-03-14"),
            ("2025-03-14", "2025-03-14"),
            ("14.03.2025", "2025-03-14"),
            ("3/4/2025", "2025-04-03"),
        ):
            self.assertEqual([d.isoformat() for d in dates(words)], [want], words)
        self.assertEqual(dates("3/4/2025", day_first=False)[0].isoformat(), "2025-03-04")

    def test_what_is_no_day_is_no_date(self):
        for words in ("31 February 2025", "2025-13-01", "99.99.2025", "call 12 Monkeys 2025", "4711/12", "10.0.0.2025"):
            self.assertEqual(dates(words), [], words)

    def test_the_first_in_the_text_comes_first(self):
        self.assertEqual([d.day for d in dates("1.2.2025 then 2025-01-31 and 3 May 2025")], [1, 31, 3])


if __name__ == "__main__":
    unittest.main()
