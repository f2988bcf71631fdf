"""The peer of the loader benchmark: the same work in NumPy and Pillow, one process, one thread.

    loader_peer.py events aedat2|nmnist T SIDE LIST PASSES    recordings to frames, as SpikingJelly does it with NumPy
    loader_peer.py images SIDE LIST PASSES                    photographs to normalised frames, as torchvision does it with Pillow

LIST is a file with one path a line. Prints one JSON object; times are medians over the passes, in seconds for all files.
Debian: python3-numpy, python3-pil.
"""
import json, math, random, statistics, sys, time
import numpy as np


def timed(passes, *works):
    for work in works: work()
    times = [[] for _ in works]
    for _ in range(passes):
        for work, of in zip(works, times):
            began = time.perf_counter()
            work()
            of.append(time.perf_counter() - began)
    return [statistics.median(of) for of in times]


def aedat2(raw):
    start = 0
    while raw[start:start + 1] == b'#': start = raw.index(b'\n', start) + 1
    words = np.frombuffer(raw, '>u4', offset=start)
    address, t = words[0::2], words[1::2]
    return t, 127 - (address >> 8 & 0x7f).astype(np.int64), 127 - (address >> 1 & 0x7f).astype(np.int64), 1 - (address & 1)


def nmnist(raw):
    b = np.frombuffer(raw, np.uint8).reshape(-1, 5).astype(np.uint32)
    return (b[:, 2] & 0x7f) << 16 | b[:, 3] << 8 | b[:, 4], b[:, 0].astype(np.int64), b[:, 1].astype(np.int64), b[:, 2] >> 7


def frames(T, side, t, x, y, p):
    out = np.zeros((T, 2, side * side), np.float32)
    each = len(t) // T
    for i in range(T):
        part = slice(i * each, (i + 1) * each if i < T - 1 else len(t))
        position = y[part] * side + x[part]
        for c in range(2): out[i, c] = np.bincount(position[p[part] == c], minlength=side * side)
    return out


def events(kind, T, side, files, passes):
    read = dict(aedat2=aedat2, nmnist=nmnist)[kind]
    raws = [open(file, 'rb').read() for file in files]
    decode, whole = timed(passes, lambda: [read(raw) for raw in raws], lambda: [frames(T, side, *read(raw)) for raw in raws])
    return dict(peer='NumPy ' + np.__version__, decodeSeconds=decode, seconds=whole)


# AutoAugment's ImageNet policy as torchvision has it: operation, probability, magnitude of ten.
POLICY = [line.split() for line in """
    Posterize .4 8 Rotate .6 9|Solarize .6 5 AutoContrast .6 0|Equalize .8 0 Equalize .6 0|Posterize .6 7 Posterize .6 6|Equalize .4 0 Solarize .2 4
    Equalize .4 0 Rotate .8 8|Solarize .6 3 Equalize .6 0|Posterize .8 5 Equalize 1 0|Rotate .2 3 Solarize .6 8|Equalize .6 0 Posterize .4 6
    Rotate .8 8 Color .4 0|Rotate .4 9 Equalize .6 0|Equalize 0 0 Equalize .8 0|Invert .6 0 Equalize 1 0|Color .6 4 Contrast 1 8
    Rotate .8 8 Color 1 2|Color .8 8 Solarize .8 7|Sharpness .4 7 Invert .6 0|ShearX .6 5 Equalize 1 0|Color .4 0 Equalize .6 0
    Equalize .4 0 Solarize .2 4|Solarize .6 5 AutoContrast .6 0|Invert .6 0 Equalize 1 0|Color .6 4 Contrast 1 8|Equalize .8 0 Equalize .6 0
    """.replace('\n', '|').split('|') if line.strip()]
assert len(POLICY) == 25


def images(side, files, passes):
    from PIL import Image, ImageEnhance, ImageOps, __version__
    mean, deviation = np.float32([.485, .456, .406]), np.float32([.229, .224, .225])

    def crop(image):
        width, height = image.size
        for _ in range(10):
            area, ratio = width * height * random.uniform(.08, 1), math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < w <= width and 0 < h <= height:
                left, top = random.randint(0, width - w), random.randint(0, height - h)
                break
        else:
            w, h = min(width, round(height * 4 / 3)), min(height, round(width * 4 / 3))
            left, top = (width - w) // 2, (height - h) // 2
        return image.crop((left, top, left + w, top + h)).resize((side, side), Image.BILINEAR)

    def operate(image, name, bin):
        sign = random.choice((-1, 1))
        if name == 'Posterize': return ImageOps.posterize(image, 8 - round(bin / 2.25))
        if name == 'Solarize': return ImageOps.solarize(image, round(255 - bin * 255 / 9))
        if name == 'Rotate': return image.rotate(sign * bin * 30 / 9, Image.BILINEAR)
        if name == 'ShearX': return image.transform(image.size, Image.AFFINE, (1, -sign * bin * .3 / 9, 0, 0, 1, 0), Image.BILINEAR)
        if name in ('Color', 'Contrast', 'Sharpness'): return getattr(ImageEnhance, name)(image).enhance(1 + sign * bin * .9 / 9)
        return dict(AutoContrast=ImageOps.autocontrast, Equalize=ImageOps.equalize, Invert=ImageOps.invert)[name](image)

    def load(file):
        image = Image.open(file)
        image.load()
        return image.convert('RGB')

    def frame(file):
        image = crop(load(file))
        if random.random() < .5: image = image.transpose(Image.FLIP_LEFT_RIGHT)
        policy = random.choice(POLICY)
        for name, p, bin in (policy[:3], policy[3:]):
            if random.random() <= float(p): image = operate(image, name, int(bin))
        pixels = np.asarray(image, np.float32) / 255
        return np.ascontiguousarray(((pixels - mean) / deviation).transpose(2, 0, 1))

    decode, whole = timed(passes, lambda: [load(file) for file in files], lambda: [frame(file) for file in files])
    return dict(peer='Pillow ' + __version__, decodeSeconds=decode, seconds=whole)


random.seed(1)
what, *rest = sys.argv[1:]
if what == 'events': result = events(rest[0], int(rest[1]), int(rest[2]), open(rest[3]).read().split('\n'), int(rest[4]))
else: result = images(int(rest[0]), open(rest[1]).read().split('\n'), int(rest[2]))
print(json.dumps(result))
