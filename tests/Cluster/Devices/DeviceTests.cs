using Spikeformer.Silo.Devices;
using Xunit;

namespace Spikeformer.Cluster.Devices;

public sealed class DeviceTests
{
    private static string[] Select(string selection, int cores = 3, int cuda = 2) =>
        [.. new DeviceInventory(cores, () => cuda, () => null).Select(DeviceSelection.TryParse(selection, out _)!).Select((device, slot) =>
        {
            Assert.Equal(slot, device.Slot);
            return device.ToString();
        })];

    [Theory]
    [InlineData("auto", "cuda:0 cuda:1")]
    [InlineData("cpu", "cpu:0 cpu:1 cpu:2")]
    [InlineData("cpu:2", "cpu:0 cpu:1")]
    [InlineData("cuda", "cuda:0 cuda:1")]
    [InlineData("cuda:1", "cuda:1")]
    [InlineData("cuda:1,0", "cuda:1 cuda:0")]
    [InlineData("cuda:0, cuda:1, cpu:1", "cuda:0 cuda:1 cpu:0")]
    public void A_selection_gives_devices_in_slots_from_0(string selection, string devices) => Assert.Equal(devices.Split(' '), Select(selection));

    [Fact]
    public void Auto_without_CUDA_is_one_slot_per_core() => Assert.Equal(["cpu:0", "cpu:1", "cpu:2"], Select("auto", cuda: 0));

    [Fact]
    public void CPU_slots_are_selected_without_a_search_for_CUDA_devices() =>
        Assert.Single(new DeviceInventory(4, () => throw new InvalidOperationException(), () => null).Select(DeviceSelection.TryParse("cpu:1", out _)!));

    [Theory]
    [InlineData("cuda:2", 2)]
    [InlineData("cuda", 0)]
    public void A_missing_CUDA_device_is_an_error_with_the_number_found(string selection, int found)
    {
        var error = Assert.Throws<SpikeformerException>(() => Select(selection, cuda: found));
        Assert.Equal(ErrorKind.Usage, error.Kind);
        Assert.Contains($"this machine has {found} CUDA devices", error.Message);
    }

    [Fact]
    public void A_libtorch_without_CUDA_is_named_as_the_reason()
    {
        var inventory = new DeviceInventory(3, () => 0, () => ("this build carries libtorch for the CPU only", "Build it with -p:TorchBackend=cuda"));
        var error = Assert.Throws<SpikeformerException>(() => inventory.Select(DeviceSelection.TryParse("cpu,cuda:1", out _)!));
        Assert.Equal("The devices 'cpu,cuda:1' need cuda:1, but this build carries libtorch for the CPU only. Build it with -p:TorchBackend=cuda.", error.Message);
    }

    [Theory]
    [InlineData("", "'' is neither cpu nor cuda")]
    [InlineData("gpu", "'gpu' is neither cpu nor cuda")]
    [InlineData("cpu:", "'cpu:' has no number")]
    [InlineData("cpu:-1", "'cpu:-1' has no number")]
    [InlineData("cpu:0", "'cpu:0' has no slot")]
    [InlineData("cpu:1,2", "'2' is neither cpu nor cuda")]
    [InlineData("cpu:1,cpu:2", "'cpu:2' names a device twice")]
    [InlineData("cuda:0,0", "'0' names a device twice")]
    [InlineData("cuda,cuda:1", "'cuda:1' names a device twice")]
    [InlineData("auto,cpu", "'auto' is neither cpu nor cuda")]
    public void A_malformed_selection_is_refused_with_its_word(string selection, string problem)
    {
        Assert.Null(DeviceSelection.TryParse(selection, out string found));
        Assert.StartsWith(problem, found);
    }

    [Fact]
    public void This_machine_has_devices() => Assert.NotEmpty(DeviceInventory.OfThisMachine.Select(DeviceSelection.Auto));
}
