using System.Globalization;

namespace Spikeformer.Silo.Devices;

/// <summary>Which devices a node silo is to use: <c>auto</c>, that is every CUDA device or where there is none one CPU slot per core; or a list of
/// <c>cpu:2</c> (two CPU slots), <c>cpu</c> (one per core), <c>cuda:0,1</c> (these devices), <c>cuda</c> (all); or <c>none</c>.</summary>
internal sealed class DeviceSelection
{
    /// <summary>The default selection.</summary>
    public static DeviceSelection Auto { get; } = new("auto", []);

    /// <summary>No device: a silo without workers.</summary>
    public static DeviceSelection None { get; } = new("none", []);

    private readonly string _text;

    private DeviceSelection(string text, IReadOnlyList<(DeviceKind Kind, int? Number)> parts) => (_text, Parts) = (text, parts);

    /// <summary>The list's parts: a kind with the number of CPU slots or the index of the CUDA device, null for all. Empty for auto and none.</summary>
    public IReadOnlyList<(DeviceKind Kind, int? Number)> Parts { get; }

    /// <summary>Reads a selection.</summary>
    /// <param name="text">The text.</param>
    /// <param name="problem">What is wrong with it when the result is null.</param>
    public static DeviceSelection? TryParse(string text, out string problem)
    {
        problem = "";
        if (text == Auto._text) return Auto;
        if (text == None._text) return None;
        var parts = new List<(DeviceKind Kind, int? Number)>();
        foreach (string word in text.Split(',', StringSplitOptions.TrimEntries))
        {
            (string name, string? number) = word.Split(':', 2) is [var head, var tail] ? (head, tail) : (word, null);
            // In cuda:0,1 the 1 goes on with the list of the kind before it.
            if (number is null && name.Length > 0 && char.IsAsciiDigit(name[0]) && parts is [.., (DeviceKind.Cuda, not null)])
                (name, number) = ("cuda", word);
            DeviceKind? kind = name switch { "cpu" => DeviceKind.Cpu, "cuda" => DeviceKind.Cuda, _ => null };
            int parsed = 0;
            if (kind is null) problem = $"'{word}' is neither cpu nor cuda";
            else if (number is not null && !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out parsed))
                problem = $"'{word}' has no number after the colon";
            else if (kind == DeviceKind.Cpu && number is not null && parsed == 0) problem = $"'{word}' has no slot";
            else if (parts.Any(part => part.Kind == kind && (kind == DeviceKind.Cpu || part.Number == parsed || part.Number is null || number is null)))
                problem = $"'{word}' names a device twice";
            if (problem.Length > 0) return null;
            parts.Add((kind!.Value, number is null ? null : parsed));
        }
        return new(text, parts);
    }

    /// <summary>The text that it was read from.</summary>
    public override string ToString() => _text;
}
