using Spikeformer.Autograd;
using Spikeformer.Training;
using Xunit;
using static TorchSharp.torch;

namespace Spikeformer.Parity;

public sealed class LossGoldenTests
{
    public static TheoryData<ScalarType> Arithmetics => [ScalarType.Float64, ScalarType.Float32];

    [Theory]
    [MemberData(nameof(Arithmetics))]
    public void Smoothed_cross_entropy_its_gradient_and_the_accuracies_are_the_published_ones(ScalarType dtype)
    {
        using var golden = new GoldenCase("loss_topk", dtype);
        Tensor logits = golden.Input("in/logits").requires_grad_(true), targets = golden.Input("in/targets");
        long samples = logits.shape[0];
        foreach (string smoothing in (string[])["0", "0.1", "0.14"])
        {
            logits.grad = null;
            Tensor loss = Loss.Smoothed(logits, targets, double.Parse(smoothing), samples);
            Differentiation.Backward([loss]);
            golden.Check($"ls{smoothing}/loss", loss, RelativeMillionth);
            golden.Check($"ls{smoothing}/grad", logits.grad!, RelativeMillionth);
        }
        (int top1, int top5) = Loss.Correct(logits, targets);
        golden.Check("acc1_percent", tensor(100.0 * top1 / samples), RelativeMillionth);
        golden.Check("acc5_percent", tensor(100.0 * top5 / samples), RelativeMillionth);
        golden.CheckNothingIsLeft();
    }

    private static double RelativeMillionth(GoldenCase.Expected expected) => 1e-6 * expected.Largest;
}
