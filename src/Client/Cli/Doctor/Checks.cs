using System.Globalization;
using Spikeformer.Data.Frames;
using Spikeformer.Devices;
using Spikeformer.Training;
using TorchSharp;

namespace Spikeformer.Cli.Doctor;

/// <summary>The checks of <c>doctor</c>. Each tries what a run needs of this machine.</summary>
internal static class Checks
{
    private const long Gigabyte = 1L << 30;

    /// <summary>Runs all checks, in the order in which a run needs them.</summary>
    /// <param name="outFolder">Folder of the run directories; does not have to exist.</param>
    public static IEnumerable<Finding> Run(string outFolder)
    {
        yield return LibTorchLoads();
        yield return Processor();
        yield return Environment();
        yield return Memory();
        yield return Disk(outFolder);
        yield return Writing("run folder", outFolder, Verdict.Fail, "Choose another folder with --out, or allow this user to write there");
        yield return Writing("frame cache", new FrameCacheOptions().ResolvedFolder, Verdict.Warn,
            "Set $XDG_CACHE_HOME to a writable folder; until then every run decodes its recordings again");
    }

    internal static Finding LibTorchLoads()
    {
        try
        {
            string version = LibTorch.Version;
            using (torch.NewDisposeScope())
            {
                torch.Tensor sums = torch.ones(64, 64).matmul(torch.ones(64, 64));
                return sums.eq(torch.full(64, 64, 64f)).all().item<bool>()
                    ? new("libtorch", Verdict.Pass,
                        $"version {version}, kernels for {LibTorch.CpuCapability}, {torch.get_num_threads()} threads by default")
                    : new("libtorch", Verdict.Fail, $"version {version} computes a wrong matrix product", "Build again from a clean checkout");
            }
        }
        catch (SpikeformerException failure)
        {
            return new("libtorch", Verdict.Fail, failure.What, failure.Remedy);
        }
    }

    private static Finding Processor()
    {
        string found = string.Create(CultureInfo.InvariantCulture,
            $"{System.Environment.ProcessorCount} cores, {NumericsFingerprint.ProcessorInstructions}");
        return NumericsFingerprint.ProcessorInstructions is "none" or "SSE"
            ? new("processor", Verdict.Warn, found, "Training works, but several times slower than with AVX2")
            : new("processor", Verdict.Pass, found);
    }

    /// <summary>By default glibc returns freed tensors to the system after each step, and OpenMP threads spin.</summary>
    private static Finding Environment()
    {
        string[] missing = [.. new[] { "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "OMP_WAIT_POLICY" }
            .Where(name => string.IsNullOrEmpty(System.Environment.GetEnvironmentVariable(name)))];
        return missing.Length == 0
            ? new("environment", Verdict.Pass, "allocator and OpenMP are set up for training")
            : new("environment", Verdict.Warn, $"{string.Join(", ", missing)} not set: steps are slower",
                "Start with the launcher ./spikeformer, which sets them");
    }

    private static Finding Memory()
    {
        long bytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        string found = string.Create(CultureInfo.InvariantCulture, $"{(double)bytes / Gigabyte:0.0} GiB for this process");
        return bytes < 2 * Gigabyte
            ? new("memory", Verdict.Warn, found, "Choose a small recipe; the published ones need 2 GiB per shard or more")
            : new("memory", Verdict.Pass, found);
    }

    private static Finding Disk(string folder)
    {
        string existing = NearestExisting(folder);
        try
        {
            long bytes = new DriveInfo(existing).AvailableFreeSpace;
            string found = string.Create(CultureInfo.InvariantCulture, $"{(double)bytes / Gigabyte:0.0} GiB free at {existing}");
            return bytes < Gigabyte / 10 ? new("disk", Verdict.Fail, found, "Free some space, or choose another folder with --out")
                : bytes < 2 * Gigabyte ? new("disk", Verdict.Warn, found, "The checkpoints of a published recipe take up to 1 GiB")
                : new("disk", Verdict.Pass, found);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return new("disk", Verdict.Warn, $"free space at {existing} cannot be read: {error.Message.TrimEnd('.')}", "Check it with 'df'");
        }
    }

    /// <summary>Writes, flushes, renames, reads and deletes a file, as a checkpoint does.</summary>
    internal static Finding Writing(string check, string folder, Verdict otherwise, string advice)
    {
        string existing = NearestExisting(folder);
        string file = Path.Combine(existing, $".spikeformer-doctor-{System.Environment.ProcessId}"), renamed = file + ".renamed";
        byte[] content = [1, 2, 3];
        try
        {
            try
            {
                using (var stream = new FileStream(file, FileMode.Create, FileAccess.Write))
                {
                    stream.Write(content);
                    stream.Flush(flushToDisk: true);
                }
                File.Move(file, renamed, overwrite: true);
                return File.ReadAllBytes(renamed).AsSpan().SequenceEqual(content)
                    ? new(check, Verdict.Pass, folder == existing ? $"{folder} is writable" : $"{folder} can be created in {existing}")
                    : new(check, otherwise, $"{existing} does not return what was written to it", advice);
            }
            finally
            {
                File.Delete(file);
                File.Delete(renamed);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return new(check, otherwise, $"{folder} is not writable: {error.Message.TrimEnd('.')}", advice);
        }
    }

    private static string NearestExisting(string folder)
    {
        string path = Path.GetFullPath(folder);
        while (!Directory.Exists(path) && Path.GetDirectoryName(path) is { } parent) path = parent;
        return path;
    }
}
