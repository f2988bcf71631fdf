using System.Globalization;
using Spikeformer.Data.Frames;
using Spikeformer.Devices;
using Spikeformer.Training;
using TorchSharp;

namespace Spikeformer.Cli.Doctor;

/// <summary>The checks of <c>doctor</c>: what a run needs of this machine, tried out and not only looked up.</summary>
internal static class Checks
{
    private const long Gigabyte = 1L << 30;

    /// <summary>Every check, in the order of a run's needs.</summary>
    /// <param name="outFolder">Folder of the run directories; need not exist.</param>
    public static IEnumerable<Finding> Run(string outFolder)
    {
        yield return LibTorchLoads();
        yield return Processor();
        yield return Environment();
        yield return Memory();
        yield return Disk(outFolder);
        yield return Writing("run folder", outFolder, Verdict.Fail, "Give another folder with --out, or the right to write");
        yield return Writing("frame cache", new FrameCacheOptions().ResolvedFolder, Verdict.Warn,
            "Recordings are decoded again in every run until $XDG_CACHE_HOME names a writable folder");
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
                    : new("libtorch", Verdict.Fail, $"version {version} multiplies matrices wrongly", "Build again from a clean checkout");
            }
        }
        catch (SpikeformerException failure)
        {
            return new("libtorch", Verdict.Fail, failure.Message, "See the message");
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

    /// <summary>Unless told otherwise, glibc gives freed tensors back to the system after each step, and OpenMP threads spin.</summary>
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
            ? new("memory", Verdict.Warn, found, "Take a small recipe; the published ones need 2 GiB per shard and more")
            : new("memory", Verdict.Pass, found);
    }

    private static Finding Disk(string folder)
    {
        string existing = NearestExisting(folder);
        try
        {
            long bytes = new DriveInfo(existing).AvailableFreeSpace;
            string found = string.Create(CultureInfo.InvariantCulture, $"{(double)bytes / Gigabyte:0.0} GiB free at {existing}");
            return bytes < Gigabyte / 10 ? new("disk", Verdict.Fail, found, "Free some space, or give another folder with --out")
                : bytes < 2 * Gigabyte ? new("disk", Verdict.Warn, found, "Checkpoints of the published recipes take up to 1 GiB together")
                : new("disk", Verdict.Pass, found);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return new("disk", Verdict.Warn, $"free space at {existing} cannot be read: {error.Message.TrimEnd('.')}", "Look with 'df'");
        }
    }

    /// <summary>Writes, flushes, renames, reads back and deletes a file, as a checkpoint does.</summary>
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
                    ? new(check, Verdict.Pass, folder == existing ? $"{folder} is writable" : $"{folder} can be made in {existing}")
                    : new(check, otherwise, $"{existing} does not give back what was written to it", advice);
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
