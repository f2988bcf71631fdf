using System;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>Writes a copy of libLibTorchSharp.so that loads on systems older than GCC 13's libstdc++. See LibTorchSharp.targets.</summary>
public sealed class RepairLibTorchSharp : Task
{
    public string Source { get; set; }
    public string Destination { get; set; }
    public string OriginalSha256 { get; set; }
    public string RepairedSha256 { get; set; }

    public override bool Execute()
    {
        if (File.Exists(Destination) && Sha256(File.ReadAllBytes(Destination)) == RepairedSha256) return true;
        byte[] library = File.ReadAllBytes(Source);
        string found = Sha256(library);
        if (found != OriginalSha256)
        {
            Log.LogError("{0} has SHA-256 {1}, but the repair is written for {2}. Was TorchSharp updated? Check whether the new library still " +
                "needs GLIBCXX_3.4.32 (objdump -T) and update build/LibTorchSharp.targets.", Source, found, OriginalSha256);
            return false;
        }
        Repair(library);
        if (Sha256(library) != RepairedSha256)
        {
            Log.LogError("Repairing {0} gave SHA-256 {1} instead of {2}.", Source, Sha256(library), RepairedSha256);
            return false;
        }
        Directory.CreateDirectory(Path.GetDirectoryName(Destination));
        // A hard link of the last build may still point here: write a new file, never through the old one.
        string temporary = Destination + "." + Guid.NewGuid().ToString("N");
        File.WriteAllBytes(temporary, library);
        File.Delete(Destination);
        File.Move(temporary, Destination);
        return true;
    }

    // ELF64 little-endian: section headers, dynamic symbols (24 bytes each), their version indices (2 bytes each), needed versions.
    static void Repair(byte[] elf)
    {
        const uint DynamicSymbols = 11, SymbolVersions = 0x6fffffff, NeededVersions = 0x6ffffffe;
        int headers = (int)U64(elf, 0x28), count = U16(elf, 0x3C);
        int[] sections = Enumerable.Range(0, count).Select(i => headers + 64 * i).ToArray();
        int Section(uint type) => sections.Single(s => U32(elf, s + 4) == type);
        int Offset(int section) => (int)U64(elf, section + 24);

        int symbolSection = Section(DynamicSymbols), symbols = Offset(symbolSection);
        int strings = Offset(sections[U32(elf, symbolSection + 40)]), versions = Offset(Section(SymbolVersions));
        string Name(uint at)
        {
            int start = strings + (int)at;
            return Encoding.ASCII.GetString(elf, start, Array.IndexOf(elf, (byte)0, start) - start);
        }
        int Symbol(string name) => Enumerable.Range(0, (int)U64(elf, symbolSection + 32) / 24).Single(i => Name(U32(elf, symbols + 24 * i)) == name);

        int marker = Symbol("_ZSt21ios_base_library_initv"), harmless = Symbol("_ZNSt6chrono3_V212steady_clock3nowEv");
        Array.Copy(elf, symbols + 24 * harmless, elf, symbols + 24 * marker, 4);
        Array.Copy(elf, versions + 2 * harmless, elf, versions + 2 * marker, 2);

        for (int need = Offset(Section(NeededVersions)); ; need += (int)U32(elf, need + 12))
        {
            int entry = need + (int)U32(elf, need + 8);
            for (int left = U16(elf, need + 2); left > 0; left--, entry += (int)U32(elf, entry + 12))
                if (Name(U32(elf, entry + 8)) == "GLIBCXX_3.4.32") elf[entry + 4] |= 2; // VER_FLG_WEAK
            if (U32(elf, need + 12) == 0) break;
        }
    }

    static ulong U64(byte[] b, int at) => BitConverter.ToUInt64(b, at);
    static uint U32(byte[] b, int at) => BitConverter.ToUInt32(b, at);
    static ushort U16(byte[] b, int at) => BitConverter.ToUInt16(b, at);
    static string Sha256(byte[] bytes)
    {
        using (var sha = SHA256.Create()) return string.Concat(sha.ComputeHash(bytes).Select(b => b.ToString("x2")));
    }
}
