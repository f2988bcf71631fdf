using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Spikeformer.Data.Events;

namespace Spikeformer.Data.Synthetic;

/// <summary>Recordings of a simulated event camera, generated when they are read: eleven moving gestures named after those of DVS128 Gesture. Needs no
/// files. A sample is a pure function of its split, its number and the sensor, and is the same on every machine.</summary>
/// <remarks>Classes alternate, so every split is balanced. Place, size, tempo and phase have the same distributions in every class, so the
/// place of a movement says little about its class. The two directions of each arm's rotation differ only in the order of their events, and
/// so do hand-clap and other: summed over time, they look the same.</remarks>
public sealed class SyntheticDataset : RecordingDataset
{
    /// <summary>Default number of training samples.</summary>
    public const int DefaultTrainSamples = 330;
    /// <summary>Default number of test samples.</summary>
    public const int DefaultTestSamples = 110;
    /// <summary>The sensor of a recipe without a canvas.</summary>
    public static readonly SensorSize DefaultSensor = new(32, 32);

    /// <summary>Increased with every change that makes the same options give other recordings.</summary>
    private const int Version = 1;
    private const ulong Seed = 2020;

    private readonly SensorSize _sensor;
    private readonly int _train, _test;
    private readonly ConcurrentBag<SyntheticCamera> _idle = [];

    /// <summary>Creates the data set.</summary>
    /// <param name="options">How to turn recordings into frames. The sensor has the size of the canvas, 16x16 to 512x512.</param>
    /// <param name="trainSamples">Number of training samples, above 0.</param>
    /// <param name="testSamples">Number of test samples, above 0.</param>
    /// <exception cref="SpikeformerException">The canvas or a number of samples is out of range (Usage).</exception>
    public SyntheticDataset(FrameOptions options, int trainSamples = DefaultTrainSamples,
        int testSamples = DefaultTestSamples) : base(options)
    {
        if (options is not { Height: >= 16 and <= 512, Width: >= 16 and <= 512 })
            throw new SpikeformerException(ErrorKind.Usage,
                $"recipe field data.canvas: the synthetic camera cannot have {options.Height}x{options.Width} pixels",
                "Set data.canvas to 16 to 512 rows and columns");
        if (trainSamples < 1 || testSamples < 1)
            throw new SpikeformerException(ErrorKind.Usage,
                $"recipe fields data.trainSamples and data.testSamples: {trainSamples} and {testSamples} must be above 0",
                "Correct them in the recipe");
        (_sensor, _train, _test) = (new(options.Width, options.Height), trainSamples, testSamples);
        ContentHash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
            $"{Name}/{Version} {options.Key} seed={Seed} train={_train} test={_test}\n")));
    }

    /// <inheritdoc/>
    public override string Name => "synthetic";

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; } =
    [
        "hand-clap", "right-hand-wave", "left-hand-wave", "right-arm-clockwise", "right-arm-counter-clockwise", "left-arm-clockwise",
        "left-arm-counter-clockwise", "arm-roll", "air-drums", "air-guitar", "other",
    ];

    /// <inheritdoc/>
    public override string ContentHash { get; }

    /// <inheritdoc/>
    public override int Count(Split split) => split == Split.Train ? _train : _test;

    /// <inheritdoc/>
    public override int Label(Split split, int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count(split), nameof(index));
        return index % ClassNames.Count;
    }

    /// <inheritdoc/>
    public override RecordingNotes ReadRecording(Split split, int index, EventStream events)
    {
        var gesture = (SyntheticGesture)Label(split, index);
        if (!_idle.TryTake(out var camera)) camera = new(_sensor, Seed);
        var random = new KeyedRandom(Seed, RandomPurpose.Synthetic, (int)split, index);
        camera.Record(gesture, ref random, events);
        _idle.Add(camera);
        return default;
    }
}
