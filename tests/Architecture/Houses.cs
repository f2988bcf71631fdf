using ArchUnitNET.Loader;
using House = ArchUnitNET.Domain.Architecture;
using ReflectedAssembly = System.Reflection.Assembly;

namespace Spikeformer.Architecture;

/// <summary>Compiled code that the rules look at.</summary>
internal static class Houses
{
    public const string Model = "Spikeformer.Model", Grains = "Spikeformer.Grains", Silo = "spikeformer-silo", Library = "Spikeformer.Client", Cli = "spikeformer";

    private static readonly Lazy<House> s_programs = new(() => Load([.. new[] { Model, Grains, Silo, Library, Cli }.Select(ReflectedAssembly.Load)]));
    private static readonly Lazy<House> s_violations = new(() => Load(typeof(Houses).Assembly));

    /// <summary>All that <c>src</c> builds.</summary>
    public static House Programs => s_programs.Value;

    /// <summary>This assembly, with everything in <c>Violations</c>.</summary>
    public static House Violations => s_violations.Value;

    private static House Load(params ReflectedAssembly[] assemblies) => new ArchLoader().LoadAssemblies(assemblies).Build();
}
