"""Writes authors.pth: what torch.save would write for a checkpoint like the authors', by Python's own pickle and without PyTorch.

Run with Python 3.8 or later in this folder. Only the names of PyTorch's classes and functions are made up here; how objects are pickled is Python's.
"""
import argparse, collections, io, pickle, struct, sys, types, zipfile

torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
sys.modules.update({"torch": torch, "torch._utils": utils})
for name in ("FloatStorage", "LongStorage", "HalfStorage", "DoubleStorage"):
    setattr(torch, name, type(name, (), {"__module__": "torch"}))


def _rebuild_tensor_v2(*parts): ...
def _rebuild_parameter(*parts): ...
for function in (_rebuild_tensor_v2, _rebuild_parameter):
    function.__module__, function.__qualname__ = "torch._utils", function.__name__
    setattr(utils, function.__name__, function)


class Storage:
    def __init__(self, key, kind, values): self.key, self.kind, self.values = key, kind, values


class Tensor:
    def __init__(self, storage, offset, size, stride): self.parts = (storage, offset, size, stride, False, collections.OrderedDict())
    def __reduce__(self): return (_rebuild_tensor_v2, self.parts)


class Parameter:
    def __init__(self, tensor): self.tensor = tensor
    def __reduce__(self): return (_rebuild_parameter, (self.tensor, True, collections.OrderedDict()))


class GradualWarmupScheduler:
    def __init__(self): self.base_lrs, self.after = [0.01], collections.defaultdict(list, {"a": [1]})
GradualWarmupScheduler.__module__ = "__main__"


class Pickler(pickle.Pickler):
    def persistent_id(self, value):
        return ("storage", getattr(torch, value.kind), value.key, "cuda:0", len(value.values)) if isinstance(value, Storage) else None


def storage(key, kind, values): return Storage(key, kind, values)


weights = storage("0", "FloatStorage", [0.5 * i for i in range(12)])
halves, doubles, counts = storage("1", "HalfStorage", [1.0, -2.0]), storage("2", "DoubleStorage", [3.5]), storage("3", "LongStorage", [-4, 5, 1 << 40])
state = collections.OrderedDict([
    ("module.plain", Parameter(Tensor(weights, 0, (2, 3), (3, 1)))),
    ("module.transposed", Tensor(weights, 0, (3, 2), (1, 3))),
    ("module.part", Tensor(weights, 7, (2,), (2,))),
    ("module.half", Tensor(halves, 0, (2,), (1,))),
    ("module.double", Tensor(doubles, 0, (), ())),
    ("module.counts", Tensor(counts, 0, (3,), (1,))),
    ("module.none", Tensor(weights, 0, (0, 4), (4, 1))),
])
checkpoint = {
    "model": state,
    "optimizer": {"state": {0: {"step": 3, "exp_avg": Tensor(weights, 0, (2,), (1,))}}, "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.999), "foreach": None}]},
    "lr_scheduler": GradualWarmupScheduler(),
    "epoch": 125,
    "args": argparse.Namespace(batch_size=16, device="cuda", resume="", amp=True, huge=1 << 62, negative=-300, name="é" * 300),
    "max_test_acc1": 78.31,
}
for version in (2, 4):
    pickled = io.BytesIO()
    Pickler(pickled, protocol=version).dump(checkpoint)
    with zipfile.ZipFile("authors.pth" if version == 2 else "authors-4.pth", "w") as archive:
        archive.writestr(zipfile.ZipInfo("authors/data.pkl"), pickled.getvalue())
        archive.writestr(zipfile.ZipInfo("authors/byteorder"), "little")
        for item, code in ((weights, "f"), (halves, "e"), (doubles, "d"), (counts, "q")):
            archive.writestr(zipfile.ZipInfo(f"authors/data/{item.key}"), struct.pack(f"<{len(item.values)}{code}", *item.values))
        archive.writestr(zipfile.ZipInfo("authors/version"), "3\n")
