"""Small MATLAB files in the format of Oxford's flowers: packages/evenhand/golden/data/*.mat. Debian: python3-scipy."""
import pathlib

import numpy
from scipy.io import savemat

folder = pathlib.Path(__file__).parent.parent / "packages/evenhand/golden/data"
labels = numpy.array([[3, 1, 2, 1, 3, 2, 1, 2, 3]], dtype=numpy.uint8)
savemat(folder / "imagelabels.mat", {"labels": labels}, do_compression=True)
split = {
    "trnid": numpy.array([[2, 1, 3]], dtype=numpy.uint16),
    "valid": numpy.array([[4, 5]], dtype=numpy.float64),
    "tstid": numpy.array([[9, 6, 7, 8]], dtype=numpy.int32),
}
savemat(folder / "setid.mat", split, do_compression=False)
