using Spikeformer.Data.Recordings;

namespace Spikeformer.Data.Datasets;

/// <summary>A published file of a data set.</summary>
/// <param name="Name">File name.</param>
/// <param name="Md5">Lower-case hex MD5 sum, as listed by SpikingJelly 0.0.0.0.10.</param>
/// <param name="Url">Address for downloads without a browser; null if the owners do not offer one.</param>
public sealed record PublishedFile(string Name, string Md5, Uri? Url)
{
    /// <summary>Whether the file is an archive of recordings.</summary>
    public bool IsArchive => Name.EndsWith(".zip", StringComparison.Ordinal) || Name.EndsWith(".tar.gz", StringComparison.Ordinal);
}

/// <summary>The published files of the event data sets.</summary>
/// <remarks>Names, sums and the addresses of CIFAR10-DVS come from SpikingJelly's <c>resource_url_md5</c>. The addresses of N-MNIST are those of
/// its current home at Mendeley Data; the files there have the same sums.</remarks>
public static class PublishedFiles
{
    private const string Figshare = "https://ndownloader.figshare.com/files/", Mendeley = "https://data.mendeley.com/public-files/datasets/468j46mzdv/files/";

    /// <summary>The download page of DVS128 Gesture. Its owners require everyone to accept the terms in a browser.</summary>
    public const string GesturePage = "https://ibm.ent.box.com/s/3hiq58ww1pbbjrinh367ykfdf60xsfm8/folder/50167556794";

    /// <summary>The files of DVS128 Gesture, which can only be downloaded with a browser.</summary>
    public static IReadOnlyList<PublishedFile> Gesture { get; } =
    [
        new(DvsGesture.Archive, "8a5c71fb11e24e5ca5b11866ca6c00a1", null),
        new("gesture_mapping.csv", "109b2ae64a0e1f3ef535b18ad7367fd1", null),
        new("LICENSE.txt", "065e10099753156f18f51941e6e44b66", null),
        new("README.txt", "a0663d3b1d8307c329a43d949ee32d19", null),
    ];

    /// <summary>The files of CIFAR10-DVS.</summary>
    public static IReadOnlyList<PublishedFile> Cifar10Dvs { get; } =
    [
        new("airplane.zip", "0afd5c4bf9ae06af762a77b180354fdd", new($"{Figshare}7712788")),
        new("automobile.zip", "8438dfeba3bc970c94962d995b1b9bdd", new($"{Figshare}7712791")),
        new("bird.zip", "a9c207c91c55b9dc2002dc21c684d785", new($"{Figshare}7712794")),
        new("cat.zip", "52c63c677c2b15fa5146a8daf4d56687", new($"{Figshare}7712812")),
        new("deer.zip", "b6bf21f6c04d21ba4e23fc3e36c8a4a3", new($"{Figshare}7712815")),
        new("dog.zip", "f379ebdf6703d16e0a690782e62639c3", new($"{Figshare}7712818")),
        new("frog.zip", "cad6ed91214b1c7388a5f6ee56d08803", new($"{Figshare}7712842")),
        new("horse.zip", "e7cbbf77bec584ffbf913f00e682782a", new($"{Figshare}7712851")),
        new("ship.zip", "41c7bd7d6b251be82557c6cce9a7d5c9", new($"{Figshare}7712836")),
        new("truck.zip", "89f3922fd147d9aeff89e76a2b0b70a7", new($"{Figshare}7712839")),
    ];

    /// <summary>The files of N-MNIST.</summary>
    public static IReadOnlyList<PublishedFile> Nmnist { get; } =
    [
        new("Train.zip", "20959b8e626244a1b502305a9e6e2031", new($"{Mendeley}39c25547-014b-4137-a934-9d29fa53c7a0/file_downloaded")),
        new("Test.zip", "69ca8762b2fe404d9b9bad1103e97832", new($"{Mendeley}05a4d654-7e03-4c15-bdfa-9bb2bcbea494/file_downloaded")),
    ];
}
