using System.Globalization;

namespace Spikeformer.Silo.Devices;

/// <summary>The devices that a node silo uses: <c>auto</c> for all CUDA devices or, without one, a CPU slot per core; <c>none</c>; or a list of
/// <c>cpu:2</c> (two CPU slots), <c>cpu</c> (one slot per core), <c>cuda:0,1</c> (these devices) and <c>cuda</c> (all devices).</summary>
internal sealed class DeviceSelection
{
    /// <summary>The default selection.</summary>
    public static DeviceSelection Auto { get; } = new("auto", []);

    /// <summary>No devices: a silo without workers.</summary>
    public static DeviceSelection None { get; } = new("none", []);

    private readonly string _text;

    private DeviceSelection(string text, IReadOnlyList<(DeviceKind Kind, int? Number)> parts) => (_text, Parts) = (text, parts);

    /// <summary>The parts of the list: a kind, with the number of CPU slots or the index of the CUDA device, or null for all. Empty for auto and none.</summary>
    public IReadOnlyList<(DeviceKind Kind, int? Number)> Parts { get; }

    /// <summary>Parses a selection.</summary>
    /// <param name="text">The text.</param>
    /// <param name="problem">The error, if the result is null.</param>
    public static DeviceSelection? TryParse(string text, out string problem)
    {
        problem = "";
        if (text == Auto._text) return Auto;
        if (text == None._text) return None;
        var parts = new List<(DeviceKind Kind, int? Number)>();
        foreach (string word in text.Split(',', StringSplitOptions.TrimEntries))
        {
            (string name, string? number) = word.Split(':', 2) is [var head, var tail] ? (head, tail) : (word, null);
            // In cuda:0,1 the 1 belongs to the cuda before it.
            if (number is null && name.Length > 0 && char.IsAsciiDigit(name[0]) && parts is [.., (DeviceKind.Cuda, not null)])
                (name, number) = ("cuda", word);
            DeviceKind? kind = name switch { "cpu" => DeviceKind.Cpu, "cuda" => DeviceKind.Cuda, _ => null };
            int parsed = 0;
            if (kind is null) problem = $"'{word}' is neither cpu nor cuda";
            else if (number is not null && !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out parsed))
                problem = $"'{word}' has no number after the colon";
            else if (kind == DeviceKind.Cpu && number is not null && parsed == 0) problem = $"'{word}' has no slots";
            else if (parts.Any(part => part.Kind == kind && (kind == DeviceKind.Cpu || part.Number == parsed || part.Number is null || number is null)))
                problem = $"'{word}' names a device twice";
            if (problem.Length > 0) return null;
            parts.Add((kind!.Value, number is null ? null : parsed));
        }
        return new(text, parts);
    }

    /// <summary>Returns the text of the selection.</summary>
    public override string ToString() => _text;
}
