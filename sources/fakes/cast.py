"""The numbers of generated faxes, and who faxes whom in the demonstration: clinics, customers, other parties.

The numbers are reserved for fiction: 555-0100 to 555-0199 in North America, (0)30 23125 000 to 999 in Germany.
https://www.bundesnetzagentur.de, "Rufnummern für Medienproduktionen", read November 2026.
"""

from random import Random
from zlib import crc32

AREAS = (202, 206, 212, 303, 312, 404, 415, 512, 617, 808)
CLINICS = ("+12065550100", "+12065550101", "+13125550102")
CUSTOMERS = ("acme", "globex", "initech")
PARTIES = ("+12125550123", "+12025550147", "+13035550181", "+14155550119", "+16175550162", "+493023125010")


def random_number(rng: Random) -> str:
    """A number of one of ten areas, E.164."""
    return f"+1{rng.choice(AREAS)}55501{int(rng.random() * 100):02d}"


def clinic(number: str) -> str:
    """The clinic that has this generated number in the demonstration."""
    return CLINICS[crc32(number.encode()) % len(CLINICS)]


def party(number: str) -> str:
    """The other party that has this generated number in the demonstration."""
    return PARTIES[crc32(number.encode()) % len(PARTIES)]


def customer(number: str) -> str:
    """The customer for whom a fax to this generated number is sent."""
    return CUSTOMERS[crc32(number.encode()) // 7 % len(CUSTOMERS)]
