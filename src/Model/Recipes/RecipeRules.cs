namespace Spikeformer.Recipes;

/// <summary>A broken rule between fields of a recipe.</summary>
/// <param name="Path">The field to correct.</param>
/// <param name="What">The problem and the expected value.</param>
/// <param name="Also">The other fields in the rule.</param>
internal sealed record BrokenRule(string Path, string What, params string[] Also);

/// <summary>The rules between the fields of a recipe. Attributes of the records define the bounds of single numbers.</summary>
internal static class RecipeRules
{
    /// <summary>Returns every broken rule.</summary>
    /// <param name="recipe">A recipe that already has the fields of its variant.</param>
    public static IEnumerable<BrokenRule> Broken(Recipe recipe) =>
        Run(recipe).Concat(Network(recipe.Model)).Concat(Frames(recipe.Data, recipe.Model))
            .Concat(Update(recipe.Optimizer)).Concat(Curve(recipe.Schedule, recipe.Epochs));

    /// <summary>Returns the default rows and columns for a kind of data, or null if the recipe must give them.</summary>
    private static int? SensorSide(DataKind kind) => kind switch
    {
        DataKind.Nmnist => 34,
        DataKind.DvsGesture or DataKind.DvsCifar10 => 128,
        DataKind.ImageFolder => 224,
        _ => null,
    };

    private static IEnumerable<BrokenRule> Run(Recipe recipe)
    {
        if (!NameRule.Allows(recipe.Name)) yield return new("name", $"must be {NameRule.Text}");
        if (recipe.Shards > recipe.Batch)
            yield return new("shards", $"must not exceed the batch: {recipe.Batch} samples cannot fill {recipe.Shards} shards", "batch");
    }

    private static IEnumerable<BrokenRule> Network(ModelRecipe model)
    {
        if (model.Kernel % 2 == 0)
            yield return new("model.kernel", $"must be odd so that padding keeps the size; {model.Kernel} is even");
        if (model.Width % model.Heads != 0)
            yield return new("model.width", $"must be a multiple of the {model.Heads} heads; {model.Width} is not", "model.heads");
        if (model.Strides.Count is 0 or > 32)
        {
            yield return new("model.strides", $"must have 1 to 32 blocks, not {model.Strides.Count}");
            yield break;
        }
        IReadOnlyList<int> channels = ModelRecipe.BlockChannelsOf(model.Strides, model.Width);
        int halvings = channels.Distinct().Count() - 1;
        if (channels[0] << halvings != model.Width)
            yield return new("model.width", "must be divisible by two once per tokenizer stage before the last; "
                + $"{model.Width} would give {string.Join(", ", channels)} channels", "model.strides");
    }

    private static IEnumerable<BrokenRule> Frames(DataRecipe data, ModelRecipe model)
    {
        bool images = data.Kind == DataKind.ImageFolder;
        string kind = RecipeField.NameOf(data.Kind);
        if ((data.FramesBy == FramesBy.Duration) != data.FrameMicroseconds is not null)
            yield return data.FrameMicroseconds is null
                ? new("data.frameMicroseconds", "is needed when framesBy is 'duration'", "data.framesBy")
                : new("data.frameMicroseconds", $"is only for framesBy 'duration', not '{RecipeField.NameOf(data.FramesBy)}'",
                    "data.framesBy");
        foreach (BrokenRule broken in Canvas(data, model)) yield return broken;
        if (data.Augmentation == Augmentation.ImageNet && !images)
            yield return new("data.augmentation", $"'imagenet' is for photographs, not for '{kind}'; use dvs or none", "data.kind");
        if (data.Augmentation is Augmentation.Dvs or Augmentation.DvsReference && images)
            yield return new("data.augmentation", "is for events, not for photographs; use imagenet or none", "data.kind");
        if (data.AutoAugment is not null && data.Augmentation != Augmentation.ImageNet)
            yield return new("data.autoAugment", "is for augmentation 'imagenet'", "data.augmentation");
        if (data.RandomErasing is not null && data.Augmentation != Augmentation.ImageNet)
            yield return new("data.randomErasing", "is for augmentation 'imagenet'", "data.augmentation");
        if (data.BadFiles is not null && !images)
            yield return new("data.badFiles", $"is for photographs, not for '{kind}'", "data.kind");
        if (data.AugmentTest && data.Augmentation == Augmentation.None)
            yield return new("data.augmentTest", "needs an augmentation", "data.augmentation");
        if (data.Clip is not null && images)
            yield return new("data.clip", "limits event counts; photographs have none", "data.kind");
        if (data.Addresses is not null && data.Kind != DataKind.DvsCifar10)
            yield return new("data.addresses", $"is only for 'dvs-cifar10', not for '{kind}'", "data.kind");
        foreach ((string path, int? samples) in new[] { ("data.trainSamples", data.TrainSamples), ("data.testSamples", data.TestSamples) })
            if (data.Kind == DataKind.Synthetic != samples is not null)
                yield return samples is null
                    ? new(path, "is needed for the synthetic camera", "data.kind")
                    : new(path, $"is only for the synthetic camera, not for '{kind}'", "data.kind");
    }

    private static IEnumerable<BrokenRule> Canvas(DataRecipe data, ModelRecipe model)
    {
        int? sensor = SensorSide(data.Kind);
        if (data.Canvas is { Count: not 2 })
            yield return new("data.canvas", $"must be two numbers, [rows, columns], not {data.Canvas.Count}");
        else if (data.Canvas is null && sensor is null)
            yield return new("data.canvas", "is needed for the synthetic camera", "data.kind");
        else
        {
            IReadOnlyList<int> sides = data.Canvas ?? [sensor!.Value, sensor.Value];
            if (data.Kind != DataKind.ImageFolder && sides.Any(side => side < sensor))
                yield return new("data.canvas", $"is smaller than the {sensor}x{sensor} sensor of '{RecipeField.NameOf(data.Kind)}'",
                    "data.kind");
            if (data.Kind == DataKind.Synthetic && sides.Any(side => side is < 16 or > 512))
                yield return new("data.canvas", "must be 16 to 512 rows and columns for the synthetic camera", "data.kind");
            long stride = model.Strides.Aggregate(1L, (product, s) => Math.Min(product * Math.Max(s, 1), int.MaxValue));
            foreach (int side in sides.Distinct().Where(side => side % stride != 0))
                yield return new("data.canvas", $"must be divisible by the tokenizer's total stride {stride}; {side} is not, "
                    + $"{(side / stride + 1) * stride} would be", "model.strides", "data.kind");
        }
    }

    private static IEnumerable<BrokenRule> Update(OptimizerRecipe optimizer)
    {
        var defaults = new OptimizerRecipe { Kind = optimizer.Kind };
        string kind = RecipeField.NameOf(optimizer.Kind);
        if (optimizer.Kind == OptimizerKind.Sgd)
        {
            const string what = "is for adam and adamw, not for sgd";
            if (optimizer.Beta1 != defaults.Beta1) yield return new("optimizer.beta1", what, "optimizer.kind");
            if (optimizer.Beta2 != defaults.Beta2) yield return new("optimizer.beta2", what, "optimizer.kind");
            if (optimizer.Epsilon != defaults.Epsilon) yield return new("optimizer.epsilon", what, "optimizer.kind");
        }
        else if (optimizer.Momentum != defaults.Momentum)
            yield return new("optimizer.momentum", $"is for sgd, not for {kind}", "optimizer.kind");
    }

    private static IEnumerable<BrokenRule> Curve(IReadOnlyList<ScheduleSegment> segments, int epochs)
    {
        if (segments.Count == 0)
            yield return new("schedule", "needs at least one segment");
        for (int i = 0; i < segments.Count; i++)
        {
            (ScheduleSegment segment, string at) = (segments[i], $"schedule.{i}");
            string kind = RecipeField.NameOf(segment.Kind);
            if (i == 0 && segment.From != 0)
                yield return new($"{at}.from", $"must be 0 in the first segment, not {segment.From}");
            if (i > 0 && segment.From <= segments[i - 1].From)
                yield return new($"{at}.from",
                    $"must be after the start of the previous segment, epoch {segments[i - 1].From}; {segment.From} is not",
                    $"schedule.{i - 1}.from");
            if (segment.From >= epochs)
                yield return new($"{at}.from", $"is never reached: the run ends after epoch {epochs - 1}", "epochs");

            bool ends = segment.Kind is ScheduleKind.Cosine or ScheduleKind.Linear or ScheduleKind.ReferenceImagenet;
            if (segment.Until is not null && !ends)
                yield return new($"{at}.until", $"is for cosine, linear and reference-imagenet, not for {kind}", $"{at}.kind");
            // A run with fewer epochs may end within the warm-up.
            if (ends && segment.Until is { } until && until <= segment.From + segment.Warmup && until < epochs)
                yield return new($"{at}.until",
                    $"must be after the end of warm-up, epoch {segment.From + segment.Warmup}; {until} is not",
                    $"{at}.from", $"{at}.warmup", $"{at}.kind", "epochs");

            bool drops = segment.Kind is ScheduleKind.Step or ScheduleKind.ReferenceDvs;
            foreach ((string name, bool given) in new[] { ("every", segment.Every is not null), ("factor", segment.Factor is not null) })
            {
                if (given && !drops)
                    yield return new($"{at}.{name}", $"is for step and reference-dvs, not for {kind}", $"{at}.kind");
                if (!given && segment.Kind == ScheduleKind.Step)
                    yield return new($"{at}.{name}", "is needed for kind 'step'", $"{at}.kind");
            }
        }
    }
}
